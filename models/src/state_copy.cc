#include <fovea/models/state_copy.h>

#include <ATen/core/grad_mode.h>

#include <fovea/base/error.h>

namespace fovea::models {

StateDict copied(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state) copy.emplace(name, tensor.detach().clone());
  return copy;
}

void copy_into(const StateDict& to, const StateDict& from) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : to) {
    const auto found = from.find(name);
    if (found == from.end() || found->second.sizes() != tensor.sizes())
      throw Error(ErrorCode::kShape, "checkpoint", "it does not belong to this network: " + name + " is missing",
                  "Remove the run folder and start again.");
    at::Tensor target = tensor;
    target.copy_(found->second);
  }
}

}  // namespace fovea::models
