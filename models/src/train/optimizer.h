// AdamW as PyTorch defines it: decoupled weight decay, bias-corrected moments. Shared by the trainers.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::models {

struct AdamWOptions {
  double weight_decay = 1e-5;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
};

class AdamW {
 public:
  /// `parameters` are leaves that require gradients; they are changed in place.
  explicit AdamW(std::vector<at::Tensor> parameters, AdamWOptions options = {});
  void step(double learning_rate);  ///< parameters without a gradient are left alone
  void zero_grad();

 private:
  struct Slot {
    at::Tensor parameter, mean, square;
  };
  std::vector<Slot> slots_;
  AdamWOptions options_;
  std::int64_t steps_ = 0;
};

}  // namespace fovea::models
