// Under autocast, features and weights are cast to the lower type; scores, biases of scores, log-sum-exps and angles
// are not. Masks are no floating-point tensors and stay as they are.
#include <string>
#include <utility>
#include <vector>

#include <ATen/autocast_mode.h>
#include <torch/library.h>

#include "attention/registration/arguments.h"
#include "attention/registration/schema.h"

namespace fovea::attention::registration {
namespace {

constexpr std::string_view kPrecise = "s bias sink alpha slopes sin cos gamma lse out";

template <c10::DeviceType device>
void cast_and_call(const c10::OperatorHandle& op, Stack* stack) {
  const std::vector<Slot> slots = slots_of(*stack);
  std::vector<at::Tensor> tensors = tensors_at(*stack, slots);
  const at::ScalarType lower = at::autocast::get_autocast_dtype(device);
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!listed(kPrecise, op.schema().arguments()[slots[i].argument].name()))
      tensors[i] = at::autocast::cached_cast(lower, tensors[i], device);
  put_tensors(*stack, slots, tensors);
  const c10::impl::ExcludeDispatchKeyGuard once(at::autocast::get_autocast_dispatch_key_from_device_type(device));
  op.callBoxed(stack);
}

template <c10::DeviceType device>
void implement(torch::Library& m) {
  for (const Operator& op : operators())
    m.impl(std::string(op.name()).c_str(),
           torch::CppFunction::makeFromBoxedFunction<&on_own_stack<&cast_and_call<device>>>());
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, AutocastCPU, m) {
  implement<c10::kCPU>(m);
}
TORCH_LIBRARY_IMPL(fovea, AutocastCUDA, m) {
  implement<c10::kCUDA>(m);
}

}  // namespace fovea::attention::registration
