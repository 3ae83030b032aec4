// What the trainers share: learning-rate schedules and parameters on loan.
#pragma once

#include <cstdint>
#include <vector>

#include <fovea/models/state.h>
#include <fovea/models/train.h>

namespace fovea::models {

/// Half-cosine or constant, after a linear warm-up where one is asked for; one cycle: warm-up over the first 30 % from
/// 1/25, then cosine to 1/250,000. Per step, not per epoch.
double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t steps);

/// The network leaves training as it came: no gradients kept, no tensor that asks for one.
class TrainableWhile {
 public:
  TrainableWhile(const std::vector<TensorSpec>& specs, const StateDict& state);
  ~TrainableWhile();
  TrainableWhile(const TrainableWhile&) = delete;
  TrainableWhile& operator=(const TrainableWhile&) = delete;
  const std::vector<at::Tensor>& parameters() const { return parameters_; }

 private:
  std::vector<at::Tensor> parameters_;
};

}  // namespace fovea::models
