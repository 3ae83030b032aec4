// The part of an epoch's order of samples that one of several processes takes.
#pragma once

#include <cstdint>
#include <string>

#include <fovea/base/error.h>
#include <fovea/models/replicas.h>

namespace fovea::pipeline::train {

/// Process r of n takes samples r, r + n, r + 2n, ... What does not fill an update of all of them is left out of the
/// epoch, so that all stand between two updates at its end; in a new order it is others every time. Alone a process
/// takes everything, and an update may end in the next epoch.
class EpochShare {
 public:
  /// Error(kUsage) when an epoch has less than one update.
  EpochShare(std::int64_t samples, std::int64_t accumulate, const char* subject) : steps_(samples) {
    const models::Replicas* replicas = models::TrainTogether::current();
    together_ = replicas != nullptr;
    if (!together_) return;
    rank_ = replicas->rank(), count_ = replicas->count();
    steps_ = samples / (accumulate * count_) * accumulate;
    if (steps_ == 0)
      throw Error(ErrorCode::kUsage, subject,
                  "an epoch has " + std::to_string(samples) + " steps, fewer than one update of " +
                      std::to_string(count_) + " processes that accumulate " + std::to_string(accumulate),
                  "Start fewer processes, or lower accumulate.");
  }
  std::int64_t steps() const { return steps_; }
  std::int64_t steps_of_all() const { return steps_ * count_; }
  std::int64_t sample(std::int64_t step) const { return step * count_ + rank_; }
  /// A sample that one of several processes cannot use ends the training: the others have theirs, and an update of
  /// fewer would be another run than that of one process.
  void refuse(const std::string& name, const std::string& problem) const {
    if (together_)
      throw Error(ErrorCode::kCorrupt, name, "it cannot be used (" + problem + ")",
                  "Mend it, or take it out of the table: several processes train with all of their samples or not.");
  }

 private:
  std::int64_t steps_, rank_ = 0, count_ = 1;
  bool together_ = false;
};

}  // namespace fovea::pipeline::train
