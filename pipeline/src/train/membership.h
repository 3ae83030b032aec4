// Which of several processes this one is: read from what torchrun or srun set.
#pragma once

#include <cstdint>
#include <string>

namespace fovea::pipeline::train {

struct Membership {
  std::int64_t rank = 0, count = 1;
  std::string address;  ///< of the machine of rank 0
  int port = 0;
  /// Where another program (torchrun) keeps the store at address and port, the part of it that is ours; else rank 0
  /// keeps it.
  std::string kept_by_launcher;
};

/// From RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT as torchrun sets them, else from srun's variables (one task a
/// process; rank 0 is on the first node of the step). Error(kUsage) that lists what is missing or wrong.
Membership membership_of_environment();
/// The first name of Slurm's "gpu[03-05,9],cpu1".
std::string first_node(const std::string& list);

}  // namespace fovea::pipeline::train
