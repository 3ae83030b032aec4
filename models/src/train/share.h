// Where a trainer stands in the common order of samples, alone or as one of several processes.
#pragma once

#include <cstdint>
#include <vector>

#include <fovea/models/replicas.h>

namespace fovea::models {

class Share {
 public:
  explicit Share(std::int64_t accumulate) : replicas_(TrainTogether::current()), accumulate_(accumulate) {}

  /// Of the sample that this process takes after `done` of its own, in the order of all.
  std::int64_t sample(std::int64_t done) const { return replicas_ ? done * count() + replicas_->rank() : done; }
  /// The last sample of the update that this process's sample `done` belongs to, or ends.
  std::int64_t last_sample(std::int64_t done) const { return (done + 1) * count() - 1; }
  std::int64_t samples_per_update() const { return accumulate_ * count(); }
  bool begins_update(std::int64_t done) const { return done % accumulate_ == 0; }
  bool ends_update(std::int64_t done) const { return (done + 1) % accumulate_ == 0; }
  /// Of `done` samples those that a saved state has seen: alone all, with the gradients that wait for an update.
  std::int64_t saved(std::int64_t done) const { return replicas_ ? done - done % accumulate_ : done; }
  bool together() const { return replicas_ != nullptr; }
  void add_loss(double loss) const {
    if (replicas_) replicas_->add_loss(loss);
  }
  void sum_gradients(const std::vector<at::Tensor>& parameters) const {
    if (replicas_) replicas_->sum_gradients(parameters);
  }
  void average(const std::vector<at::Tensor>& values) const {
    if (replicas_) replicas_->average(values);
  }

 private:
  std::int64_t count() const { return replicas_ ? replicas_->count() : 1; }
  Replicas* replicas_;
  std::int64_t accumulate_;
};

}  // namespace fovea::models
