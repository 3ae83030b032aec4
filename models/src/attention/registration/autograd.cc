// Gradients of every operator X: one autograd function whose backward calls the registered operator X_backward, so that
// scripted and ahead-of-time compiled graphs see it. Nothing but the arguments, and the outputs that a backward asks
// for, is held between forward and backward.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/basic_ops.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/library.h>

#include "attention/registration/arguments.h"
#include "attention/registration/schema.h"

namespace fovea::attention::registration {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool records(const std::vector<at::Tensor>& tensors) {
  return at::GradMode::is_enabled() &&
         std::any_of(tensors.begin(), tensors.end(), [](const at::Tensor& t) { return t.requires_grad(); });
}

void call_below_autograd(const c10::OperatorHandle& op, Stack& stack) {
  const at::AutoDispatchBelowADInplaceOrView below;
  op.callBoxed(&stack);
}

/// One entry for every tensor argument: `given` of the next tensor, or false where an optional one is absent.
template <class Given>
c10::List<bool> needs_of(const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> arguments, Given given) {
  c10::List<bool> needs;
  std::size_t next = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!holds_tensors(schema.arguments()[i])) continue;
    if (arguments[i].isNone() || (arguments[i].isTensor() && !arguments[i].toTensor().defined())) {
      needs.push_back(false);
      continue;
    }
    const std::size_t count = arguments[i].isTensorList() ? arguments[i].toTensorList().size() : 1;
    for (std::size_t j = 0; j < count; ++j) needs.push_back(given(next++));
  }
  return needs;
}

class Recorded : public torch::autograd::Function<Recorded> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::TensorList& tensors, const c10::OperatorHandle& op,
                               const Stack& arguments) {
    Stack stack = arguments;
    call_below_autograd(op, stack);
    const Operator& row = operator_of(op.schema().name());
    variable_list saved = tensors.vec(), outputs, constant;
    for (std::size_t i = 0; i < stack.size(); ++i) {
      outputs.push_back(stack[i].toTensor());
      if (listed(row.constant, op.schema().returns()[i].name())) constant.push_back(outputs.back());
      if (listed(row.kept, op.schema().returns()[i].name())) saved.push_back(outputs.back());
    }
    ctx->mark_non_differentiable(constant);
    ctx->set_materialize_grads(false);
    ctx->save_for_backward(std::move(saved));
    remember(ctx, op, arguments);
    return outputs;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    // The operator and the arguments of `forward` count as inputs as well.
    variable_list all(ctx->saved_data["places"].toIntList().size() + 2);
    if (std::none_of(grads.begin(), grads.end(), [](const at::Tensor& g) { return g.defined(); })) return all;
    const Operator& row = operator_of(ctx->saved_data["name"].toStringRef());
    const c10::FunctionSchema& schema = forward_of(row).schema();
    const variable_list saved = ctx->get_saved_variables();
    const Stack arguments = recalled(ctx, saved);
    const std::vector<Slot> slots = slots_of(arguments);
    Stack stack;
    for (std::size_t i = 0; i < grads.size(); ++i)
      if (!listed(row.constant, schema.returns()[i].name()))
        stack.push_back(grads[i].defined() ? c10::IValue(grads[i]) : c10::IValue());
    stack.insert(stack.end(), arguments.begin(), arguments.end());
    for (std::size_t i = slots.size(); i < saved.size(); ++i) stack.emplace_back(saved[i]);
    stack.emplace_back(needs_of(schema, arguments, [&](std::size_t i) { return ctx->needs_input_grad(i); }));
    backward_of(row).callBoxed(&stack);
    const c10::List<at::Tensor> gradients = stack.front().toTensorList();
    std::size_t next = 0;
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (ctx->needs_input_grad(i)) all[i] = gradients.get(next++);
    return all;
  }

 private:
  /// Everything but the tensors, and where those belong. Tensors live in saved variables alone, which know how to
  /// avoid cycles.
  static void remember(AutogradContext* ctx, const c10::OperatorHandle& op, const Stack& arguments) {
    std::vector<c10::IValue> rest(arguments.begin(), arguments.end());
    c10::List<std::int64_t> places;
    for (const Slot& slot : slots_of(arguments)) {
      places.push_back(static_cast<std::int64_t>(slot.argument));
      rest[slot.argument] = slot.member ? c10::IValue(c10::List<at::Tensor>()) : c10::IValue();
    }
    ctx->saved_data["name"] = op.schema().name();
    ctx->saved_data["places"] = places;
    ctx->saved_data["arguments"] = c10::ivalue::Tuple::create(std::move(rest));
  }

  static Stack recalled(AutogradContext* ctx, const variable_list& saved) {
    Stack arguments = ctx->saved_data["arguments"].toTupleRef().elements().vec();
    const c10::List<std::int64_t> places = ctx->saved_data["places"].toIntList();
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < places.size(); ++i) {
      Slot slot{static_cast<std::size_t>(places.get(i)), std::nullopt};
      if (arguments[slot.argument].isTensorList())
        slot.member = !slots.empty() && slots.back().argument == slot.argument ? *slots.back().member + 1 : 0;
      slots.push_back(slot);
    }
    put_tensors(arguments, slots, saved);
    return arguments;
  }
};

void differentiate(const c10::OperatorHandle& op, Stack* stack) {
  const std::vector<at::Tensor> tensors = tensors_at(*stack, slots_of(*stack));
  if (!records(tensors)) return call_below_autograd(op, *stack);
  const Stack arguments = std::move(*stack);
  stack->clear();
  const at::TensorList list = tensors;
  for (at::Tensor& output : Recorded::apply(list, op, arguments)) stack->emplace_back(std::move(output));
}

/// A backward operator has no derivative: asking for one is an error at the moment it is needed, not before.
void differentiate_once(const c10::OperatorHandle& op, Stack* stack) {
  const std::vector<at::Tensor> tensors = tensors_at(*stack, slots_of(*stack));
  call_below_autograd(op, *stack);
  if (!records(tensors)) return;
  torch::autograd::edge_list edges;
  for (const at::Tensor& t : tensors)
    if (t.requires_grad()) edges.push_back(torch::autograd::impl::gradient_edge(t));
  const auto refusal = std::make_shared<torch::autograd::Error>(
      op.schema().name() +
          ": second derivatives are not implemented. Compose the formula from plain tensor operations "
          "where they are needed.",
      std::move(edges));
  variable_list gradients = stack->front().toTensorVector();
  for (at::Tensor& gradient : gradients) torch::autograd::set_history(gradient, refusal);
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, Autograd, m) {
  for (const Operator& op : operators()) {
    const std::string name(op.name());
    m.impl(name.c_str(), torch::CppFunction::makeFromBoxedFunction<&on_own_stack<&differentiate>>());
    m.impl((name + "_backward").c_str(),
           torch::CppFunction::makeFromBoxedFunction<&on_own_stack<&differentiate_once>>());
  }
}

}  // namespace fovea::attention::registration
