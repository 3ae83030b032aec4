// Masked modality attention: checks, and which path runs.
#include <string>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/modality.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"

namespace fovea::attention {
namespace {

void check(bool holds, const std::string& problem, const std::string& remedy) {
  if (!holds) throw Error(ErrorCode::kShape, "modality attention", problem, remedy);
}

/// `beside` is [B, any, spatial...]: the guide or the scores.
void check_inputs(const at::Tensor& features, const at::Tensor& beside, const at::Tensor& present) {
  check(features.dim() >= 4, "features are not [batch, modality, channel, spatial...]",
        "Give at least one spatial dimension.");
  check(features.numel() > 0, "there is no voxel or no modality", "Check the crop.");
  check(present.scalar_type() == at::kBool && present.sizes() == features.sizes().slice(0, 2),
        "the mask is no bool tensor [batch, modality]", "Give true for every modality that is there.");
  check(beside.dim() == features.dim() - 1 && beside.size(0) == features.size(0) &&
            beside.sizes().slice(2) == features.sizes().slice(3),
        "features and the tensor beside them lie on different grids", "Resample the guide to the features' grid.");
}

void check_weights(const at::Tensor& features, const at::Tensor& guide, const ModalityWeights& w) {
  check(w.wf.dim() == 3 && w.wf.size(0) == features.size(1) && w.wf.size(2) == features.size(2) && w.wg.dim() == 2 &&
            w.wg.size(1) == guide.size(1),
        "the weights do not fit the modalities or channels", "Give one projection a modality.");
  const std::int64_t hidden = w.wf.size(1);
  check(w.wg.size(0) == hidden && w.bg.numel() == hidden && w.wp.numel() == hidden && w.bp.numel() == 1,
        "the weights disagree in hidden width", "Give wf [M, A, C], wg [A, Cg], bg [A], wp [A] and bp [1].");
}

FusedModalities on_grid(const FusedModalities& fused, const at::Tensor& features) {
  std::vector<std::int64_t> y = features.sizes().vec(), weights = y;
  y.erase(y.begin() + 1), weights.erase(weights.begin() + 2);
  return {fused.y.reshape(y), fused.weights.reshape(weights)};
}

}  // namespace

FusedModalities ops::run_modality(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                  const ModalityWeights& w) {
  check_inputs(features, guide, present), check_weights(features, guide, w);
  const at::Tensor f = features.flatten(3), g = guide.flatten(2);
  if (!ops::by_definition({features, guide, w.wf, w.wg, w.bg, w.wp, w.bp})) {
    const auto run = f.is_cpu() ? ops::blocked_modalities(f, g, present, w) : ops::cuda_modalities(f, g, present, w);
    return on_grid(run, features);
  }
  return on_grid(ops::reference_modalities(f, ops::reference_modality_scores(f, g, present, w), present), features);
}

FusedModalities fused_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present) {
  check_inputs(features, scores, present);
  check(scores.size(1) == features.size(1), "there is not one score a modality",
        "Give scores [batch, modality, spatial...].");
  const at::Tensor f = features.flatten(3), s = scores.flatten(2);
  if (ops::by_definition({features, scores})) return on_grid(ops::reference_modalities(f, s, present), features);
  return on_grid(f.is_cpu() ? ops::blocked_modalities(f, s, present) : ops::cuda_modalities(f, s, present), features);
}

}  // namespace fovea::attention
