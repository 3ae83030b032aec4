// The oracle of the gates: the formula as it stands in attention.md 3.8, differentiable through autograd.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

#include "attention/ops/gate.h"

namespace fovea::attention {
namespace ops {
namespace {

/// A 1x1x1 convolution: channels last, one matrix.
at::Tensor pointwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::linear(x.movedim(1, -1), weight, bias).movedim(-1, 1);
}

}  // namespace

Gated reference_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights,
                     GateCombine combine) {
  const at::Tensor from_g = pointwise(g, weights.wg, weights.bg), from_x = pointwise(x, weights.wx, weights.bx);
  const at::Tensor both = combine == GateCombine::kConcat ? at::cat({from_g, from_x}, 1) : from_g + from_x;
  return apply_gate(x, pointwise(both.relu(), weights.wpsi.reshape({1, -1}), weights.bpsi));
}

}  // namespace ops

Gated apply_gate(const at::Tensor& x, const at::Tensor& logits) {
  const at::Tensor alpha = logits.sigmoid();
  return {x * alpha, alpha};
}

}  // namespace fovea::attention
