// ACMIL's loss (mil.md 3) with AEM's negative entropy (mil.md 4), averaged over branches and heads.
#include <fovea/models/mil.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>

namespace fovea::models {
namespace {

/// Between the branches of every head; between the heads where there is one branch only.
at::Tensor diversity_of(const at::Tensor& weights) {
  const bool one_branch = weights.dim() == 3 && weights.size(1) == 1;
  return attention::diversity(one_branch ? weights.transpose(0, 1) : weights);
}

/// The entropy that pooling gave along the way serves the plain term.
at::Tensor negative_entropy_of(const MilOutput& output, const attention::EntropyOptions& options) {
  if (options.top_k == 0 && !options.normalise) return -output.entropy.mean();
  return attention::negative_entropy(output.attn_raw, options).mean();
}

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& label) {
  if (label.scalar_type() != at::kLong || label.numel() != 1)
    throw Error(ErrorCode::kUsage, "MIL loss", "the label is not one class index", "Give an int64 scalar.");
  return at::cross_entropy_loss(logits, label.reshape({1}).expand({logits.size(0)}));
}

/// The rows were scored and pooled with the network's own gate; only the scores move.
at::Tensor adversarial_of(const MilOutput& output, const MilCriterion& criterion, const at::Tensor& label,
                          const AdversarialOptions& options) {
  if (output.head && !output.instances.defined())
    throw Error(ErrorCode::kUsage, "adversarial attention", "the bag is too large for it: it needs all rows in memory",
                "Let a step see a share of the instances, or leave the term out.");
  if (!output.head)
    throw Error(ErrorCode::kUsage, "adversarial attention", "this network pools in another way than by gated attention",
                "Leave the term out, or choose abmil, acmil_ga or clam.");
  if (options.unlabelled)
    return attention::virtual_adversarial_attention(output.attn_raw, output.instances, output.head,
                                                    attention::random_direction(output.attn_raw, options.seed),
                                                    {.eps = options.eps})
        .loss;
  const auto loss = [&](const at::Tensor& z) { return criterion(output.head(z), label); };
  return attention::adversarial_attention(output.attn_raw, output.instances, loss, options.eps).loss;
}

/// A term without a gradient would train nothing, and nobody would notice.
void require_scores(const MilOutput& output, const char* term) {
  if (output.bag_logits.requires_grad() && !output.attn_raw.requires_grad())
    throw Error(ErrorCode::kUsage, term, "this network has no attention scores that a loss could act on",
                "Leave the term out, or choose an attention model.");
}

}  // namespace

at::Tensor total_loss(const MilLoss& loss, const MilLossOptions& options) {
  at::Tensor total = loss.bag;
  if (loss.instance.defined()) total = options.bag_weight * loss.bag + (1 - options.bag_weight) * loss.instance;
  total = total + loss.branch;
  if (const double weight = options.diversity.value_or(1); weight != 0) total = total + weight * loss.diversity;
  if (options.aem_lambda != 0) total = total + options.aem_lambda * loss.neg_entropy;
  if (loss.adversarial.defined()) total = total + options.adversarial.weight * loss.adversarial;
  return total;
}

MilLoss mil_loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options) {
  const MilCriterion criterion = options.criterion ? options.criterion : cross_entropy;
  const bool branched = output.branch_logits.defined() && output.branch_logits.size(0) > 1;
  const at::Tensor none = at::zeros({}, output.bag_logits.options());
  MilLoss loss;
  loss.branch = loss.diversity = none;
  loss.bag = criterion(output.bag_logits, label);
  if (branched) loss.branch = criterion(output.branch_logits, label);
  if (options.diversity.value_or(branched ? 1 : 0) != 0) {
    require_scores(output, "branch diversity");
    loss.diversity = diversity_of(output.attn_softmax);
  }
  if (options.aem_lambda != 0) require_scores(output, "attention entropy");
  loss.neg_entropy = negative_entropy_of(output, options.entropy);
  if (options.adversarial.weight != 0) loss.adversarial = adversarial_of(output, criterion, label, options.adversarial);
  loss.total = total_loss(loss, options);
  return loss;
}

}  // namespace fovea::models
