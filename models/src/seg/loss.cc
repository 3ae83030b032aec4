// Losses of segmentation training. The published Dice counts the background and so vanishes; this is the corrected one
// (reference/segmentation.md 6).
#include <fovea/models/segmentation.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>

namespace fovea::models {
namespace {

constexpr double kSmooth = 1;

void check_label(const at::Tensor& scores, const at::Tensor& label) {
  const bool fits = label.scalar_type() == at::kLong && scores.dim() >= 3 && scores.size(1) >= 2 &&
                    label.dim() == scores.dim() - 1 && label.size(0) == scores.size(0) &&
                    label.sizes().slice(1) == scores.sizes().slice(2);
  if (!fits) {
    throw Error(ErrorCode::kShape, "segmentation loss", "labels must be int64 on the grid of the network's output",
                "Give one class number for each voxel.");
  }
  if (label.numel() == 0) return;
  if (label.min().item<std::int64_t>() < 0 || label.max().item<std::int64_t>() >= scores.size(1)) {
    throw Error(ErrorCode::kShape, "segmentation loss",
                "a label lies outside 0.." + std::to_string(scores.size(1) - 1) + ", the classes of the network",
                "Map the labels to these classes.");
  }
}

/// Every 2^level-th voxel from index 0: what the authors' generator does.
at::Tensor subsample(at::Tensor label, std::size_t level) {
  for (std::int64_t axis = 1; axis < label.dim(); ++axis) {
    label = label.slice(axis, 0, c10::nullopt, std::int64_t{1} << level);
  }
  return label.contiguous();
}

}  // namespace

at::Tensor foreground_dice_loss(const at::Tensor& probabilities, const at::Tensor& label) {
  check_label(probabilities, label);
  const std::int64_t classes = probabilities.size(1);
  at::Tensor sum = at::zeros({}, probabilities.options());
  for (std::int64_t c = 1; c < classes; ++c) {
    const at::Tensor p = probabilities.select(1, c);
    const at::Tensor t = label.eq(c).to(p.scalar_type());
    sum = sum + 1 - (2 * (p * t).sum() + kSmooth) / (p.square().sum() + t.sum() + kSmooth);  // t^2 = t
  }
  return sum / (classes - 1);
}

at::Tensor deep_supervision_loss(const SegOutput& output, const at::Tensor& label, bool add_cross_entropy) {
  if (output.heads.empty()) throw Error(ErrorCode::kInternal, "segmentation loss", "the network gave no output");
  at::Tensor total;
  for (std::size_t level = 0; level < output.heads.size(); ++level) {
    const at::Tensor& logits = output.heads[level];
    const at::Tensor target = subsample(label, level);
    at::Tensor loss = foreground_dice_loss(at::softmax(logits, 1), target);
    if (add_cross_entropy) loss = loss + at::cross_entropy_loss(logits, target);
    total = total.defined() ? total + loss : loss;
  }
  return total;
}

}  // namespace fovea::models
