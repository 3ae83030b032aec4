// X_backward for operators without kernels of their own: X runs once more on detached inputs, this time recording a
// graph, which is differentiated at once. Between forward and backward no intermediate is held.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/library.h>

#include "attention/registration/recompute.h"
#include "attention/registration/schema.h"

namespace fovea::attention::registration {
namespace {

/// Plain leaves: gradients end here.
std::vector<at::Tensor> leaves_of(const Request& request) {
  std::vector<at::Tensor> leaves;
  for (std::size_t i = 0; i < request.slots.size(); ++i) {
    const at::Tensor given = tensor_at(request.inputs, request.slots[i]);
    at::Tensor leaf = given.is_inference() ? given.clone() : given.detach();
    if (request.wanted[i]) leaf.set_requires_grad(true);
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

std::vector<at::Tensor> wanted_of(const Request& request, const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> wanted;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (request.wanted[i]) wanted.push_back(tensors[i]);
  return wanted;
}

/// X itself, without the autograd function that stands before it: its plain operations record the graph.
void run_recorded(const Operator& row, const at::Tensor& like, Stack& stack) {
  const c10::DispatchKey key = like.is_cuda() ? c10::DispatchKey::CUDA : c10::DispatchKey::CPU;
  forward_of(row).redispatchBoxed(c10::DispatchKeySet(key), &stack);
}

/// Contiguous, and memory of their own: autograd passes a gradient through where it can.
void make_own(std::vector<at::Tensor>& gradients, const std::vector<at::Tensor>& given) {
  std::vector<at::Tensor> taken = given;
  for (at::Tensor& gradient : gradients) {
    const bool shared = std::any_of(taken.begin(), taken.end(),
                                    [&](const at::Tensor& t) { return t.defined() && t.is_alias_of(gradient); });
    gradient = shared ? gradient.clone(at::MemoryFormat::Contiguous) : gradient.contiguous();
    taken.push_back(gradient);
  }
}

std::vector<at::Tensor> gradients_of(const Operator& row, const Request& request) {
  const std::vector<at::Tensor> leaves = leaves_of(request), inputs = wanted_of(request, leaves);
  if (inputs.empty()) return {};
  Stack stack = request.inputs;
  put_tensors(stack, request.slots, leaves);
  run_recorded(row, leaves.front(), stack);
  const c10::FunctionSchema& schema = forward_of(row).schema();
  std::vector<at::Tensor> outputs, grads;
  std::size_t next = 0;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (listed(row.constant, schema.returns()[i].name())) continue;
    const at::Tensor output = stack[i].toTensor(), grad = request.grads[next++];
    if (output.requires_grad() && grad.defined()) outputs.push_back(output), grads.push_back(grad.detach());
  }
  std::vector<at::Tensor> gradients(inputs.size());
  if (!outputs.empty()) gradients = torch::autograd::grad(outputs, inputs, grads, false, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!gradients[i].defined()) gradients[i] = at::zeros_like(inputs[i].detach(), at::MemoryFormat::Contiguous);
  make_own(gradients, request.grads);
  return gradients;
}

}  // namespace

Request request_of(const c10::OperatorHandle& op, const Stack& stack) {
  const Operator& row = operator_of(op.schema().name());
  const c10::FunctionSchema& forward = forward_of(row).schema();
  const auto grads = static_cast<std::size_t>(
      std::count_if(forward.returns().begin(), forward.returns().end(),
                    [&](const c10::Argument& output) { return !listed(row.constant, output.name()); }));
  Request request;
  for (std::size_t i = 0; i < grads; ++i)
    request.grads.push_back(stack[i].isNone() ? at::Tensor() : stack[i].toTensor());
  const auto first = stack.begin() + static_cast<std::ptrdiff_t>(grads);
  request.inputs.assign(first, first + static_cast<std::ptrdiff_t>(forward.arguments().size()));
  request.kept.assign(first + static_cast<std::ptrdiff_t>(forward.arguments().size()), stack.end() - 1);
  request.slots = slots_of(request.inputs);
  const c10::List<bool> needs = stack.back().toBoolList();
  std::size_t next = 0, slot = 0;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    if (!holds_tensors(forward.arguments()[i])) continue;
    const bool absent = slot == request.slots.size() || request.slots[slot].argument != i;
    if (absent && !request.inputs[i].isTensorList()) ++next;
    for (; slot < request.slots.size() && request.slots[slot].argument == i; ++slot)
      request.wanted.push_back(next < needs.size() && needs.get(next)), ++next;
  }
  return request;
}

void finish(Stack* stack, const std::vector<at::Tensor>& gradients) {
  stack->clear();
  stack->emplace_back(c10::List<at::Tensor>(at::TensorList(gradients)));
}

void recompute(const c10::OperatorHandle& op, Stack* stack) {
  std::vector<at::Tensor> gradients;
  {
    // A kernel runs below autograd; the inner graph needs the state in which a program starts.
    const c10::InferenceMode no_inference(false);
    const c10::impl::ForceDispatchKeyGuard fresh(c10::default_included_set, c10::default_excluded_set);
    const at::AutoGradMode graph(true);
    gradients = gradients_of(operator_of(op.schema().name()), request_of(op, *stack));
  }
  finish(stack, gradients);
}

namespace {

void shapes(const c10::OperatorHandle& op, Stack* stack) {
  const Request request = request_of(op, *stack);
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& input : wanted_of(request, tensors_at(request.inputs, request.slots)))
    gradients.push_back(at::empty_like(input, input.options(), at::MemoryFormat::Contiguous));
  finish(stack, gradients);
}

template <void (*kernel)(const c10::OperatorHandle&, Stack*)>
void implement(torch::Library& m, bool all) {
  for (const Operator& op : operators())
    if (all || !op.own_backward)
      m.impl((std::string(op.name()) + "_backward").c_str(),
             torch::CppFunction::makeFromBoxedFunction<&on_own_stack<kernel>>());
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, CPU, m) {
  implement<&recompute>(m, false);
}
TORCH_LIBRARY_IMPL(fovea, CUDA, m) {
  implement<&recompute>(m, true);
}
TORCH_LIBRARY_IMPL(fovea, Meta, m) {
  implement<&shapes>(m, true);
}

}  // namespace fovea::attention::registration
