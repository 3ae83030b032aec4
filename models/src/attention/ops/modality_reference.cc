// The oracle of masked modality attention (thrombus.md section 2, step 2), differentiable through autograd.

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>

#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/ops/modality.h"

namespace fovea::attention::ops {
namespace {

/// Zeros in place of absent modalities, in both directions: 0 times what lies there could be NaN.
at::Tensor readable(const at::Tensor& features, const at::Tensor& present) {
  return features.masked_fill(present.logical_not().unsqueeze(-1).unsqueeze(-1), 0.0);
}

}  // namespace

at::Tensor reference_modality_scores(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                     const ModalityWeights& w) {
  const at::Tensor from_features = at::matmul(readable(features, present).transpose(2, 3), w.wf.transpose(1, 2));
  const at::Tensor from_guide = at::linear(guide.transpose(1, 2), w.wg, w.bg).unsqueeze(1);
  return at::linear((from_features + from_guide).relu(), w.wp.reshape({1, -1}), w.bp.reshape({1})).squeeze(-1);
}

FusedModalities reference_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present) {
  const at::Tensor absent = present.logical_not().unsqueeze(-1);
  const at::Tensor by_voxel = scores.masked_fill(absent, kMinusInfinity).transpose(1, 2);  // [B, V, M]
  const at::Tensor softmax = weights_of(by_voxel.flatten(0, 1)).reshape(by_voxel.sizes()).transpose(1, 2);
  // Where a present score is NaN, its whole voxel is; what is absent still weighs 0.
  const at::Tensor weights = softmax.masked_fill(absent, 0.0);
  return {(weights.unsqueeze(2) * readable(features, present)).sum(1), weights};
}

}  // namespace fovea::attention::ops
