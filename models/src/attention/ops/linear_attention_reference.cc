// The oracle of linear attention: attention.md 3.7 and 3.10 as they stand. Differentiable through autograd.
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include "attention/ops/linear.h"

namespace fovea::attention::ops {

at::Tensor features(const at::Tensor& x) {
  return at::elu(x) + 1;
}

at::Tensor rotated(const at::Tensor& x, const Rotation& rotation) {
  if (!rotation.sin.defined()) return x;
  const at::Tensor pairs = x.unflatten(-1, {-1, 2});
  const at::Tensor turned = at::stack({-pairs.select(-1, 1), pairs.select(-1, 0)}, -1).flatten(-2);
  return x * rotation.cos + turned * rotation.sin;
}

at::Tensor cleared(const at::Tensor& x, const at::Tensor& keep) {
  return keep.defined() ? x.masked_fill(keep.logical_not().unsqueeze(-1), 0.0) : x;
}

at::Tensor kept_count(const LinearInputs& in) {
  if (!in.keep.defined()) return at::full({1, 1, 1, 1}, static_cast<double>(in.k.size(2)), in.k.options());
  return in.keep.sum(-1, true).clamp_min(1).to(in.k.scalar_type()).unsqueeze(-1);
}

namespace {

/// phi of kept keys, 0 for others. What a dropped key holds goes first: the gradient of phi at NaN would be NaN times
/// 0.
at::Tensor kept_features(const LinearInputs& in) {
  return cleared(features(cleared(in.k, in.keep)), in.keep);
}

}  // namespace

at::Tensor reference_linear(const LinearInputs& in) {
  const at::Tensor q = features(in.q), k = kept_features(in), v = cleared(in.v, in.keep);
  const at::Tensor sum = k.sum(-2, true);
  return at::matmul(q, at::matmul(k.transpose(-2, -1), v)) / (at::matmul(q, sum.transpose(-2, -1)) + in.eps);
}

Mala reference_mala(const LinearInputs& in) {
  const at::Tensor q = features(in.q), k = kept_features(in), v = cleared(in.v, in.keep);
  const at::Tensor n = kept_count(in);
  const double c = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor z = at::matmul(q, (k.sum(-2, true) / n).transpose(-2, -1)) * c;
  const at::Tensor scaled = rotated(k, in.rotation) * (c / n);
  const at::Tensor mixed = at::matmul(rotated(q, in.rotation), at::matmul(scaled.transpose(-2, -1), v));
  return {mixed * (1 + (z + in.eps).reciprocal()) - z * (v.sum(-2, true) / n), z};
}

at::Tensor decay_weights(const at::Tensor& slopes, std::int64_t n, Decay decay) {
  const at::Tensor index = at::arange(n, slopes.options().dtype(at::kLong));
  const at::Tensor ahead = index.unsqueeze(1) - index;
  const at::Tensor weights = (-slopes.view({-1, 1, 1}) * ahead.abs()).exp();
  return decay == Decay::kCausal ? weights.masked_fill(ahead.lt(0), 0.0) : weights;
}

at::Tensor reference_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                             Decay decay) {
  return at::matmul(at::matmul(q, k.transpose(-2, -1)) * decay_weights(slopes, q.size(2), decay), v);
}

}  // namespace fovea::attention::ops
