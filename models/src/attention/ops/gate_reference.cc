// The oracle of the gates: the formula as it stands in attention.md 3.8, differentiable through autograd.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_trilinear3d.h>

#include <fovea/base/error.h>

#include "attention/ops/gate.h"

namespace fovea::attention {
namespace ops {
namespace {

/// A 1x1x1 convolution: channels last, one matrix.
at::Tensor pointwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::linear(x.movedim(1, -1), weight, bias).movedim(-1, 1);
}

}  // namespace

at::Tensor resampled(const at::Tensor& image, at::IntArrayRef spatial) {
  if (image.sizes().slice(2) == spatial) return image;
  if (spatial.size() == 2 && image.dim() == 4) return at::upsample_bilinear2d(image, spatial, false);
  if (spatial.size() == 3 && image.dim() == 5) return at::upsample_trilinear3d(image, spatial, false);
  throw Error(ErrorCode::kShape, "attention gate", "a coarser grid has neither two nor three spatial dimensions",
              "Give [batch, channel, height, width] or [batch, channel, depth, height, width].");
}

Gated reference_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                     const AttentionGateWeights& weights, GateCombine combine) {
  const at::Tensor from_g = resampled(pointwise(g, weights.wg, weights.bg), theta_x.sizes().slice(2));
  const at::Tensor from_x = pointwise(theta_x, weights.wx, weights.bx);
  const at::Tensor both = combine == GateCombine::kConcat ? at::cat({from_g, from_x}, 1) : from_g + from_x;
  return apply_gate(x, pointwise(both.relu(), weights.wpsi.reshape({1, -1}), weights.bpsi));
}

}  // namespace ops

Gated apply_gate(const at::Tensor& x, const at::Tensor& logits) {
  const at::Tensor alpha = ops::resampled(logits.sigmoid(), x.sizes().slice(2));
  return {x * alpha, alpha};
}

}  // namespace fovea::attention
