// The oracle: plain tensor operations, kept boring, never optimised. Differentiable through autograd.
#include "attention/minus_infinity.h"
#include "attention/ops/pool.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

namespace fovea::attention::ops {

at::Tensor reference_scores(const at::Tensor& x, const GateWeights& weights) {
  at::Tensor hidden = at::linear(x, weights.wv, weights.bv).tanh();
  if (weights.wu.defined()) hidden = hidden * at::linear(x, weights.wu, weights.bu).sigmoid();
  return at::linear(hidden, weights.w, weights.b).t();
}

/// Rows of -inf alone must give zeros without NaN in either direction, so they are computed on zeros and then masked.
Pooled reference_score_pool(const at::Tensor& scores, const at::Tensor& x) {
  const at::Tensor absent = scores.eq(kMinusInfinity);
  const at::Tensor empty = absent.all(1, true);
  const at::Tensor safe = scores.masked_fill(empty, 0.0);
  const at::Tensor largest = at::amax(safe, {1}, true).detach();
  const at::Tensor e = (safe - largest).exp();
  const at::Tensor l = e.sum(1, true);
  const at::Tensor a = (e / l).masked_fill(empty, 0.0);
  const at::Tensor lse = (largest + l.log()).masked_fill(empty, kMinusInfinity);
  // From s - max: lse - sum a s would cancel four digits of a float32 at scores of 1e3.
  const at::Tensor below = (safe - largest).masked_fill(absent, 0.0);
  const at::Tensor entropy = (l.log() - (a * below).sum(1, true)).masked_fill(empty, 0.0);
  return {a.mm(x), scores, lse.squeeze(1), entropy.squeeze(1), a.mm(a.t())};
}

Pooled reference_gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep,
                            double fill) {
  at::Tensor scores = reference_scores(x, weights);
  if (keep) scores = scores.masked_fill(keep->logical_not(), fill);
  return reference_score_pool(scores, x);
}

}  // namespace fovea::attention::ops
