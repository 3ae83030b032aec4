// The oracle of dense self-attention: attention.md 3.4 and 3.5 as they stand. Differentiable through autograd.
#include "attention/minus_infinity.h"
#include "attention/ops/self_attention.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/repeat_interleave.h>

namespace fovea::attention::ops {
namespace {

at::Tensor scores_of(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(3))));
  at::Tensor scores = at::matmul(q, repeated_heads(k, q.size(1)).transpose(-2, -1)) * scale;
  if (options.bias.defined()) scores = scores + options.bias;
  if (options.keep.defined()) scores = scores.masked_fill(options.keep.logical_not(), kMinusInfinity);
  return scores;
}

/// Kept keys of a query, [B|1, Hq|1, Lq|1, 1]; 1 where there is none, since that row's weights are 0 anyway.
at::Tensor kept_keys(const at::Tensor& scores, const at::Tensor& keep) {
  if (!keep.defined()) return at::full({1, 1, 1, 1}, static_cast<double>(scores.size(3)), scores.options());
  const at::Tensor count = keep.sum(-1, true).to(scores.scalar_type());
  return (keep.size(3) == 1 ? count * scores.size(3) : count).clamp_min(1);
}

at::Tensor affine_weights(const Softmax& soft, const at::Tensor& kept, const AttentionOptions& options) {
  const at::Tensor alpha = options.alpha.unsqueeze(-1), rest = (options.alpha_mean - alpha) / kept;
  const at::Tensor uniform = options.keep.defined() ? rest * options.keep.to(rest.scalar_type()) : rest;
  return alpha * soft.weights + uniform;
}

}  // namespace

at::Tensor Softmax::lse() const {
  return (largest + log_sum).masked_fill(empty, kMinusInfinity).squeeze(-1);
}

Softmax softmax_of(const at::Tensor& scores) {
  Softmax soft;
  const at::Tensor largest = at::amax(scores.detach(), {-1}, true);
  soft.empty = largest.eq(kMinusInfinity);
  soft.largest = largest.masked_fill(soft.empty, 0.0);
  const at::Tensor e = (scores - soft.largest).exp();
  const at::Tensor sum = e.sum(-1, true).masked_fill(soft.empty, 1.0);
  soft.weights = e / sum;
  soft.log_sum = sum.log();
  return soft;
}

at::Tensor repeated_heads(const at::Tensor& x, std::int64_t heads) {
  return x.size(1) == heads ? x : at::repeat_interleave(x, heads / x.size(1), 1);
}

at::Tensor pair_mask(const at::Tensor& keep) {
  if (!keep.defined() || keep.dim() == 4) return keep;
  if (keep.dim() == 3) return keep.unsqueeze(1);
  return (keep.dim() == 1 ? keep.unsqueeze(0) : keep).unsqueeze(1).unsqueeze(1);
}

Weighted reference_weights(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
  const at::Tensor scores = scores_of(q, k, options);
  const Softmax soft = softmax_of(scores);
  switch (options.normaliser) {
    case Normaliser::kSoftmax: return {soft.weights, soft.lse()};
    case Normaliser::kSoftmaxSink: {
      // The share that the sink leaves is sigmoid(lse - sink); the difference comes first, before the digits of a large
      // lse are lost.
      const at::Tensor share = ((soft.largest - options.sink.view({1, -1, 1, 1})) + soft.log_sum).sigmoid();
      return {soft.weights * share, soft.lse()};
    }
    case Normaliser::kSigmoid: return {(scores - kept_keys(scores, options.keep).log()).sigmoid(), soft.lse()};
    case Normaliser::kAffine: return {affine_weights(soft, kept_keys(scores, options.keep), options), soft.lse()};
  }
  return {};
}

Attended reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const AttentionOptions& options) {
  const Weighted weighted = reference_weights(q, k, options);
  return {at::matmul(weighted.weights, repeated_heads(v, q.size(1))), weighted.lse};
}

}  // namespace fovea::attention::ops
