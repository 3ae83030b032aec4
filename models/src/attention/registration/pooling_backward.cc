// Backward of the pooling operators on the CPU: kernels of their own, which compute the gate again from x.
#include <string>
#include <vector>

#include <torch/library.h>

#include "attention/ops/path.h"
#include "attention/ops/pool.h"
#include "attention/registration/pooling.h"
#include "attention/registration/recompute.h"

namespace fovea::attention::registration {
namespace {

using at::Tensor;

OptionalTensor optional_at(const Stack& stack, std::size_t i) {
  return stack[i].toOptional<Tensor>();
}

/// What of `all`, one gradient for every tensor argument that was given, the caller wants, in its own type.
void finish_wanted(Stack* stack, const Request& request, const std::vector<Tensor>& all) {
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < request.wanted.size(); ++i)
    if (request.wanted[i])
      gradients.push_back(all[i].to(tensor_at(request.inputs, request.slots[i]).scalar_type()).contiguous());
  finish(stack, gradients);
}

/// Dropped scores were replaced: nothing flows into them.
Tensor without_dropped(const Tensor& gradient, const OptionalTensor& keep) {
  return keep && gradient.defined() ? gradient.masked_fill(keep->logical_not(), 0.0) : gradient;
}

void score_pool_backward(const c10::OperatorHandle& op, Stack* stack) {
  const Request r = request_of(op, *stack);
  const Tensor s = r.inputs[0].toTensor(), x = r.inputs[1].toTensor();
  if (!ops::takes_native(s)) return recompute(op, stack);
  const OptionalTensor keep = optional_at(r.inputs, 2);
  Pooled pooled;
  pooled.scores = masked_scores(s, keep, r.inputs[3].toOptional<double>());
  pooled.z = r.kept[0].toTensor(), pooled.gram = r.kept[1].toTensor();
  const ops::PooledGradients given{r.grads[0], {}, r.grads[1], r.grads[2], r.grads[3]};
  const auto [scores, rows] = ops::native_score_pool_backward(given, pooled, x, r.wanted[0], r.wanted[1]);
  finish_wanted(stack, r, {without_dropped(scores, keep), rows, {}});
}

/// Of gated_scores and gated_pool, whose first seven arguments are the same.
void finish_gated(Stack* stack, const Request& r, const ops::PooledGradients& given, const Pooled& pooled,
                  const ops::Keep& keep) {
  const auto input = [&](std::size_t i) { return r.inputs[i].toTensor(); };
  const GateWeights weights =
      gate_weights(input(1), input(2), optional_at(r.inputs, 3), optional_at(r.inputs, 4), input(5), input(6));
  const ops::GatedPoolGradients g =
      ops::native_gated_pool_backward(given, pooled, input(0), weights, keep, r.wanted[0]);
  std::vector<Tensor> all{g.x, g.wv, g.bv};
  if (weights.wu.defined()) all.insert(all.end(), {g.wu, g.bu});
  all.insert(all.end(), {g.w, g.b});
  finish_wanted(stack, r, all);
}

void gated_scores_backward(const c10::OperatorHandle& op, Stack* stack) {
  const Request r = request_of(op, *stack);
  if (!ops::takes_native(r.inputs[0].toTensor())) return recompute(op, stack);
  Pooled pooled;
  pooled.scores = r.kept[0].toTensor();
  finish_gated(stack, r, {{}, r.grads[0], {}, {}, {}}, pooled, {});
}

void gated_pool_backward(const c10::OperatorHandle& op, Stack* stack) {
  const Request r = request_of(op, *stack);
  if (!ops::takes_native(r.inputs[0].toTensor())) return recompute(op, stack);
  Pooled pooled;
  pooled.z = r.kept[0].toTensor(), pooled.scores = r.kept[1].toTensor(), pooled.gram = r.kept[2].toTensor();
  const ops::Keep keep{or_undefined(optional_at(r.inputs, 7)),
                       r.inputs[8].toOptional<double>().value_or(kMinusInfinity)};
  finish_gated(stack, r, {r.grads[0], r.grads[1], r.grads[2], r.grads[3], r.grads[4]}, pooled, keep);
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, CPU, m) {
  m.impl("gated_scores_backward", torch::CppFunction::makeFromBoxedFunction<&on_own_stack<&gated_scores_backward>>());
  m.impl("score_pool_backward", torch::CppFunction::makeFromBoxedFunction<&on_own_stack<&score_pool_backward>>());
  m.impl("gated_pool_backward", torch::CppFunction::makeFromBoxedFunction<&on_own_stack<&gated_pool_backward>>());
}

}  // namespace fovea::attention::registration
