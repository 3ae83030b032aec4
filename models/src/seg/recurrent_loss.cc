// Loss of the recurrent network: small targets, few slices with any. reference/thrombus.md 4.
#include <fovea/models/recurrent_segmentation.h>

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/full.h>
#include <ATen/ops/max_pool2d.h>

#include <fovea/base/error.h>

namespace fovea::models {
namespace {

constexpr double kMissed = 0.7, kInvented = 0.3, kExponent = 0.75, kSmooth = 1;

/// [B, X, Y, Z] -> [B, X / 2, Y / 2, Z].
at::Tensor pooled(const at::Tensor& target) {
  return at::max_pool2d(target.permute({0, 3, 1, 2}), {2, 2}, {2, 2}).permute({0, 2, 3, 1});
}

}  // namespace

at::Tensor focal_tversky_loss(const at::Tensor& p, const at::Tensor& t) {
  const at::Tensor found = (p * t).sum(), missed = ((1 - p) * t).sum(), invented = (p * (1 - t)).sum();
  const at::Tensor index = (found + kSmooth) / (found + kMissed * missed + kInvented * invented + kSmooth);
  // The power's slope at a perfect window is infinite.
  return (1 - index).clamp_min(1e-7).pow(kExponent);
}

at::Tensor thrombus_loss(const SegOutput& output, const at::Tensor& label, const ThrombusLoss& options) {
  if (output.heads.empty() || label.dim() != 4 || label.scalar_type() != at::kLong ||
      output.heads.front().select(1, 0).sizes() != label.sizes())
    throw Error(ErrorCode::kShape, "thrombus loss", "labels must be int64 on the grid of the network's output",
                "Give 0 or 1 for each voxel.");
  const at::Tensor first = output.heads.front();
  at::Tensor target = label.gt(0).to(first.scalar_type());
  const at::Tensor positive = at::full({}, options.positive_weight, first.options());
  at::Tensor total;
  for (std::size_t level = 0; level < output.heads.size(); ++level) {
    if (level > 0) target = pooled(target);
    const at::Tensor logit = output.heads[level].select(1, 1);
    const at::Tensor loss = focal_tversky_loss(logit.sigmoid(), target) +
                            options.bce * at::binary_cross_entropy_with_logits(logit, target, {}, positive);
    const at::Tensor weighted = loss * std::ldexp(1.0, -static_cast<int>(level));
    total = total.defined() ? total + weighted : weighted;
  }
  const at::Tensor per_slice = first.select(1, 1).amax({1, 2}),
                   holds = label.gt(0).any(1).any(1).to(first.scalar_type());
  return total / static_cast<double>(output.heads.size()) +
         options.slices * at::binary_cross_entropy_with_logits(per_slice, holds);
}

}  // namespace fovea::models
