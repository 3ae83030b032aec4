// ACMIL's loss (mil.md 3) with AEM's negative entropy (mil.md 4), averaged over branches.
#include <fovea/models/mil.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention_terms.h>

namespace fovea::models {

MilLoss mil_loss(const MilOutput& output, const at::Tensor& label, double aem_lambda) {
  const at::Tensor target = label.reshape({1});
  MilLoss loss;
  loss.bag = at::cross_entropy_loss(output.bag_logits, target);
  const bool branched = output.branch_logits.defined() && output.branch_logits.size(0) > 1;
  const at::Tensor none = at::zeros({}, output.bag_logits.options());
  loss.branch =
      branched ? at::cross_entropy_loss(output.branch_logits, target.expand({output.branch_logits.size(0)})) : none;
  loss.diversity = branched ? attention::diversity(output.attn_softmax) : none;
  loss.neg_entropy = -output.entropy.mean();
  loss.total = loss.bag + loss.branch + loss.diversity;
  if (aem_lambda != 0) loss.total = loss.total + aem_lambda * loss.neg_entropy;
  return loss;
}

}  // namespace fovea::models
