// Training terms and diagnostics.
#include <array>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/scalar_tensor.h>

#include <fovea/models/attention.h>
#include <fovea/models/attention_diagnostics.h>
#include <fovea/models/attention_terms.h>

#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {
namespace {

Values stkim(Inputs& in) {
  attention::StkimOptions options;
  options.n_masked = static_cast<std::int64_t>(in.number("n_masked", 10));
  options.mask_drop = in.number("mask_drop", 0.6);
  const attention::Stkim masked = attention::stkim(in("scores"), in("noise"), options);
  const attention::Pooled pooled = attention::score_pool(masked.scores, in("x"));
  return {{"dropped", masked.dropped},
          {"masked_scores", masked.scores},
          {"attn", attention::weights_of(masked.scores)},
          {"z", pooled.z}};
}

Values adversarial(Inputs& in) {
  const attention::PooledHead head = attention::mean_head(in("Wc"), in("bc"));
  const at::Tensor label = in.file().tensor("label").reshape({1}).to(in("x").device());
  const auto loss = [&](const at::Tensor& z) { return at::cross_entropy_loss(head(z), label); };
  const attention::VirtualOptions options{in.number("eps", 0.5), in.number("xi", 1e-3)};
  const auto at_result = attention::adversarial_attention(in("scores"), in("x"), loss, options.eps);
  const auto vat = attention::virtual_adversarial_attention(in("scores"), in("x"), head, in("d0"), options);
  return {{"ce", loss(attention::score_pool(in("scores"), in("x")).z)},
          {"r_adv", at_result.perturbation},
          {"loss_adv", at_result.loss},
          {"vat_grad", vat.gradient},
          {"r_vat", vat.perturbation},
          {"loss_vat", vat.loss}};
}

Values mixture_of_heads(Inputs& in) {
  const attention::HeadRouter router{in("Wg"), in("Wsh"), in("W2"),
                                     static_cast<std::int64_t>(in.number("routed_k", 2))};
  const attention::HeadGates gates = attention::head_gates(in("x"), router);
  return {
      {"gates", gates.gates}, {"out", attention::gated_heads(in("heads"), gates.gates)}, {"aux", gates.balance_loss}};
}

Values gaussian_adaptive(Inputs& in) {
  const auto dim = static_cast<std::int64_t>(in.number("dim", 1));
  const auto result = attention::gaussian_adaptive(in("x"), in("c"), in("offsets"), dim, in.number("eps", 1e-8));
  return {{"out", result.out}, {"weights", result.weights}};
}

Values concentration(Inputs& in) {
  const auto result = attention::concentration(in("attn"), static_cast<std::int64_t>(in.number("k", 10)));
  return {{"entropy", result.entropy},
          {"effective_n", result.effective_number},
          {"norm_entropy", result.normalised_entropy},
          {"topk_mass", result.topk_mass},
          {"max", result.largest},
          {"gini", result.gini}};
}

Values sink_score(Inputs& in) {
  return {{"full_score", attention::sink_scores(in("full"), false)},
          {"causal_score", attention::sink_scores(in("causal"), true)}};
}

Values agreement(Inputs& in) {
  const auto value = [](double number) { return at::scalar_tensor(number, at::kDouble); };
  return {{"pearson_ab", value(attention::pearson(in("a"), in("b")))},
          {"spearman_ab", value(attention::spearman(in("a"), in("b")))},
          {"spearman_ac_ties", value(attention::spearman(in("a"), in("c")))}};
}

}  // namespace

std::span<const AttentionOp> terms_ops() {
  static constexpr std::array kOps{AttentionOp{"stkim", stkim},
                                   AttentionOp{"attention_at_vat", adversarial},
                                   AttentionOp{"moh", mixture_of_heads},
                                   AttentionOp{"gaussian_adaptive", gaussian_adaptive},
                                   AttentionOp{"concentration", concentration},
                                   AttentionOp{"sink_score", sink_score},
                                   AttentionOp{"agreement", agreement}};
  return kOps;
}

}  // namespace fovea::pipeline::selftest
