#include "train/optimizer.h"

#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

namespace fovea::models {

AdamW::AdamW(std::vector<at::Tensor> parameters, AdamWOptions options) : options_(options) {
  for (at::Tensor& parameter : parameters) {
    const at::Tensor zeros = at::zeros_like(parameter.detach());
    slots_.push_back({std::move(parameter), zeros, zeros.clone()});
  }
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  ++steps_;
  const double mean_correction = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double square_correction = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  for (Slot& slot : slots_) {
    const at::Tensor& gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    slot.parameter.mul_(1 - learning_rate * options_.weight_decay);
    slot.mean.lerp_(gradient, 1 - options_.beta1);
    slot.square.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const at::Tensor scale = slot.square.sqrt().div_(std::sqrt(square_correction)).add_(options_.eps);
    slot.parameter.addcdiv_(slot.mean, scale, -learning_rate / mean_correction);
  }
}

void AdamW::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad() = at::Tensor();
}

}  // namespace fovea::models
