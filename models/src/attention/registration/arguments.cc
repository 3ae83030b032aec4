#include "attention/registration/arguments.h"

#include <ATen/core/List.h>

namespace fovea::attention::registration {

std::vector<Slot> slots_of(c10::ArrayRef<c10::IValue> arguments) {
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const c10::IValue& value = arguments[i];
    if (value.isTensor() && value.toTensor().defined()) slots.push_back({i, std::nullopt});
    if (!value.isTensorList()) continue;
    for (std::size_t j = 0; j < value.toTensorList().size(); ++j) slots.push_back({i, j});
  }
  return slots;
}

at::Tensor tensor_at(c10::ArrayRef<c10::IValue> arguments, const Slot& slot) {
  const c10::IValue& value = arguments[slot.argument];
  return slot.member ? value.toTensorList().get(*slot.member) : value.toTensor();
}

std::vector<at::Tensor> tensors_at(c10::ArrayRef<c10::IValue> arguments, const std::vector<Slot>& slots) {
  std::vector<at::Tensor> tensors;
  for (const Slot& slot : slots) tensors.push_back(tensor_at(arguments, slot));
  return tensors;
}

void put_tensors(Stack& stack, const std::vector<Slot>& slots, const std::vector<at::Tensor>& tensors) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    if (!slot.member) {
      stack[slot.argument] = tensors[i];
      continue;
    }
    if (*slot.member == 0) stack[slot.argument] = c10::List<at::Tensor>();
    stack[slot.argument].toTensorList().push_back(tensors[i]);
  }
}

}  // namespace fovea::attention::registration
