// Several processes that train one network together, each on its share of the samples. How they talk to each other is
// not this layer's business.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::models {

/// Process r of n takes samples r, r + n, r + 2n, ... of the common order: the run is that of one process that
/// accumulates n times as many samples before an update.
class Replicas {
 public:
  virtual ~Replicas() = default;
  virtual std::int64_t rank() const = 0;
  virtual std::int64_t count() const = 0;
  /// Of a sample of this process. The next sum_gradients carries it along: what is known of the losses is always as old
  /// as the weights.
  virtual void add_loss(double loss) = 0;
  /// Gradients become the sum of those of all processes, which all call this after the same number of samples. Absent
  /// ones count as zeros, and stay absent where no process has them. Throws when another process is gone; the
  /// parameters are untouched then, the gradients are worth nothing.
  virtual void sum_gradients(const std::vector<at::Tensor>& parameters) = 0;
  /// Values become the mean of those of all processes. Throws as above, before it changes any.
  virtual void average(const std::vector<at::Tensor>& values) = 0;
};

/// Trainers (train.h, train_segmentation.h) that this thread makes while this lives are one of several: their schedule
/// counts the samples of all processes, and between steps the network and what they save are those of the last update,
/// as the gradients of half an update are not all in one process.
class TrainTogether {
 public:
  /// Nothing: the process trains alone. `replicas` outlives the trainers.
  explicit TrainTogether(Replicas* replicas);
  ~TrainTogether();
  TrainTogether(const TrainTogether&) = delete;
  TrainTogether& operator=(const TrainTogether&) = delete;
  static Replicas* current();

 private:
  Replicas* before_;
};

}  // namespace fovea::models
