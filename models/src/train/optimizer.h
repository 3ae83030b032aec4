// AdamW as PyTorch defines it: decoupled weight decay, bias-corrected moments; Adam with L2 on request. Shared by the
// trainers.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/state.h>

namespace fovea::models {

struct AdamWOptions {
  double weight_decay = 1e-5;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  bool decoupled = true;  ///< false: Adam, the decay is part of the gradient
};

class AdamW {
 public:
  /// `parameters` are leaves that require gradients; they are changed in place.
  explicit AdamW(std::vector<at::Tensor> parameters, AdamWOptions options = {});
  void step(double learning_rate);  ///< parameters without a gradient are left alone
  void zero_grad();
  /// Moments and pending gradients as mean.N, square.N, gradient.N in the order of the parameters, and the count of
  /// steps: with the weights, all that the next step depends on. Copies.
  StateDict saved() const;
  void restore(const StateDict& saved);  ///< Error(kShape) when they are not of these parameters

 private:
  struct Slot {
    at::Tensor parameter, mean, square;
  };
  std::vector<Slot> slots_;
  AdamWOptions options_;
  std::int64_t steps_ = 0;
};

}  // namespace fovea::models
