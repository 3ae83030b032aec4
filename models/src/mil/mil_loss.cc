// ACMIL's loss (mil.md 3) with AEM's negative entropy (mil.md 4), averaged over branches.
#include <fovea/models/mil.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>

namespace fovea::models {
namespace {

constexpr double kCosineEps = 1e-8;

/// (|sum of unit rows|^2 - K) / (K (K - 1)): the mean over pairs of cosines, in O(K N).
at::Tensor diversity_of(const at::Tensor& attention) {
  const auto branches = static_cast<double>(attention.size(0));
  const at::Tensor unit = attention / attention.square().sum(1, true).sqrt().clamp_min(kCosineEps);
  return (unit.sum(0).square().sum() - unit.square().sum()) / (branches * (branches - 1));
}

}  // namespace

MilLoss mil_loss(const MilOutput& output, const at::Tensor& label, double aem_lambda) {
  const at::Tensor target = label.reshape({1});
  MilLoss loss;
  loss.bag = at::cross_entropy_loss(output.bag_logits, target);
  const bool branched = output.branch_logits.defined() && output.branch_logits.size(0) > 1;
  const at::Tensor none = at::zeros({}, output.bag_logits.options());
  loss.branch =
      branched ? at::cross_entropy_loss(output.branch_logits, target.expand({output.branch_logits.size(0)})) : none;
  loss.diversity = branched ? diversity_of(output.attn_softmax) : none;
  loss.neg_entropy = -output.entropy.mean();
  loss.total = loss.bag + loss.branch + loss.diversity;
  if (aem_lambda != 0) loss.total = loss.total + aem_lambda * loss.neg_entropy;
  return loss;
}

}  // namespace fovea::models
