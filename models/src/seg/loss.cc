// Losses of segmentation training. The published Dice counts the background and so vanishes; this is the corrected one
// (reference/segmentation.md 6).
#include <fovea/models/train_segmentation.h>

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/max_pool3d.h>
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

/// Half as long on every axis: the largest label of each pair of voxels.
at::Tensor largest_of_pairs(const at::Tensor& label) {
  const at::Tensor values = label.unsqueeze(1).to(at::kFloat);
  const at::Tensor pooled =
      label.dim() == 3 ? at::max_pool2d(values, {2, 2}, {2, 2}) : at::max_pool3d(values, {2, 2, 2}, {2, 2, 2});
  return pooled.squeeze(1).to(at::kLong);
}

at::Tensor tversky_of_classes(const at::Tensor& probabilities, const at::Tensor& label) {
  at::Tensor sum;
  for (std::int64_t c = 1; c < probabilities.size(1); ++c) {
    const at::Tensor p = probabilities.select(1, c);
    const at::Tensor loss = focal_tversky_loss(p, label.eq(c).to(p.scalar_type()));
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum / (probabilities.size(1) - 1);
}

at::Tensor head_loss(const at::Tensor& logits, const at::Tensor& target, const SegLoss& options) {
  at::Tensor loss = at::zeros({}, logits.options());
  const at::Tensor probabilities = at::softmax(logits, 1);
  check_label(probabilities, target);
  if (options.dice > 0) loss = loss + options.dice * foreground_dice_loss(probabilities, target);
  if (options.tversky > 0) loss = loss + options.tversky * tversky_of_classes(probabilities, target);
  if (options.cross_entropy > 0) loss = loss + options.cross_entropy * at::cross_entropy_loss(logits, target);
  return loss;
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
  return segmentation_loss(output, label, {.cross_entropy = add_cross_entropy ? 1.0 : 0.0});
}

at::Tensor segmentation_loss(const SegOutput& output, const at::Tensor& label, const SegLoss& options) {
  if (output.heads.empty()) throw Error(ErrorCode::kInternal, "segmentation loss", "the network gave no output");
  if (options.thrombus) return thrombus_loss(output, label);
  at::Tensor total, target = label;
  for (std::size_t level = 0; level < output.heads.size(); ++level) {
    if (level > 0) target = options.largest ? largest_of_pairs(target) : subsample(label, level);
    at::Tensor loss = head_loss(output.heads[level], target, options);
    if (options.halved) loss = loss * std::ldexp(1.0, -static_cast<int>(level));
    total = total.defined() ? total + loss : loss;
  }
  return total;
}

}  // namespace fovea::models
