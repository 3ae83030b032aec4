// The tensors among the arguments of a boxed call.
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

namespace fovea::attention::registration {

using Stack = torch::jit::Stack;

/// Where a defined tensor stands: an argument, or a member of a list argument.
struct Slot {
  std::size_t argument;
  std::optional<std::size_t> member;
};
std::vector<Slot> slots_of(c10::ArrayRef<c10::IValue> arguments);
at::Tensor tensor_at(c10::ArrayRef<c10::IValue> arguments, const Slot& slot);
/// Lists are copied first where `stack` shares them.
void put_tensors(Stack& stack, const std::vector<Slot>& slots, const std::vector<at::Tensor>& tensors);
std::vector<at::Tensor> tensors_at(c10::ArrayRef<c10::IValue> arguments, const std::vector<Slot>& slots);

}  // namespace fovea::attention::registration
