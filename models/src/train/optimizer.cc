#include "train/optimizer.h"

#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>

namespace fovea::models {
namespace {

constexpr const char* kSteps = "steps";

}  // namespace

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
    at::Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    if (options_.decoupled)
      slot.parameter.mul_(1 - learning_rate * options_.weight_decay);
    else
      gradient = gradient.add(slot.parameter, options_.weight_decay);
    slot.mean.lerp_(gradient, 1 - options_.beta1);
    slot.square.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const at::Tensor scale = slot.square.sqrt().div_(std::sqrt(square_correction)).add_(options_.eps);
    slot.parameter.addcdiv_(slot.mean, scale, -learning_rate / mean_correction);
  }
}

StateDict AdamW::saved() const {
  StateDict saved{{kSteps, at::scalar_tensor(steps_, at::kLong)}};
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::string name = std::to_string(i);
    saved["mean." + name] = slots_[i].mean.clone(), saved["square." + name] = slots_[i].square.clone();
    if (const at::Tensor& gradient = slots_[i].parameter.grad(); gradient.defined())
      saved["gradient." + name] = gradient.clone();
  }
  return saved;
}

void AdamW::restore(const StateDict& saved) {
  const at::NoGradGuard no_grad;
  const auto find = [&](const std::string& name, const at::Tensor& like) {
    const auto found = saved.find(name);
    if (found == saved.end() || found->second.sizes() != like.sizes())
      throw Error(ErrorCode::kShape, "training state", "it does not belong to this network: " + name + " is missing",
                  "Start the training again.");
    return found->second.to(like.options().requires_grad(false));
  };
  steps_ = find(kSteps, at::scalar_tensor(steps_, at::kLong)).item<std::int64_t>();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::string name = std::to_string(i);
    slots_[i].mean.copy_(find("mean." + name, slots_[i].mean));
    slots_[i].square.copy_(find("square." + name, slots_[i].square));
    slots_[i].parameter.mutable_grad() =
        saved.count("gradient." + name) ? find("gradient." + name, slots_[i].mean).clone() : at::Tensor();
  }
}

void AdamW::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad() = at::Tensor();
}

}  // namespace fovea::models
