// The tensors among the arguments of a boxed call.
#pragma once

#include <iterator>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
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

/// A boxed kernel for the dispatcher. An interpreter's stack holds more below the arguments of a call; `kernel` sees a
/// stack of these alone, and leaves the results on it.
template <void (*kernel)(const c10::OperatorHandle&, Stack*)>
void on_own_stack(const c10::OperatorHandle& op, Stack* stack) {
  const auto first = stack->end() - static_cast<std::ptrdiff_t>(op.schema().arguments().size());
  Stack own(std::make_move_iterator(first), std::make_move_iterator(stack->end()));
  stack->erase(first, stack->end());
  kernel(op, &own);
  stack->insert(stack->end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace fovea::attention::registration
