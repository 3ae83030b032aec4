#include "train/distributed_option.h"

namespace fovea::pipeline::train {

Parameter distributed_parameter(const std::string& group) {
  return {.name = "distributed",
          .type = ParameterType::kFlag,
          .help = "One of several processes that train together, started by torchrun --no-python or srun",
          .fallback = false,
          .group = group};
}

std::unique_ptr<ProcessGroup> process_group(const JobValues& values, const std::stop_token& stop) {
  if (!values.flag("distributed")) return nullptr;
  return std::make_unique<ProcessGroup>(membership_of_environment(), stop);
}

JobResult result_of_helper(const ProcessGroup& group) {
  JobResult result;
  result.text = group.name() + " is done; rank 0 writes the results\n";
  return result;
}

}  // namespace fovea::pipeline::train
