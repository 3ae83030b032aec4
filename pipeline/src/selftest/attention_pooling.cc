// Gated pooling, pooling with given scores, the attention gate.
#include <array>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention.h>
#include <fovea/models/mil.h>

#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {
namespace {

/// The loss layer's diversity, which needs logits that do not matter here.
at::Tensor diversity_of(const attention::Pooled& pooled, const at::Tensor& weights) {
  models::MilOutput output;
  output.attn_raw = pooled.scores, output.attn_softmax = weights, output.entropy = pooled.entropy;
  output.branch_logits = at::zeros({weights.size(0), 2}, weights.options());
  output.bag_logits = at::zeros({1, 2}, weights.options());
  return models::mil_loss(output, at::zeros({}, weights.options().dtype(at::kLong))).diversity;
}

void add_pooled(Values& values, const attention::Pooled& pooled) {
  const at::Tensor weights = attention::weights_of(pooled.scores);
  values["z"] = pooled.z, values["attn"] = weights, values["lse"] = pooled.lse, values["entropy"] = pooled.entropy;
  values["bag_z"] = pooled.z.mean(0);
  values["aem"] = -pooled.entropy.mean();
  values["diversity"] = diversity_of(pooled, weights);
}

Values gated_pool(Inputs& in) {
  const attention::GateWeights weights{in("Wv"), in("bv"), in("Wu"), in("bu"), in("ww"), in("bw")};
  const auto keep = in.mask("keep");
  Values values;
  add_pooled(values, attention::gated_pool(in("x"), weights, keep));
  // The fixture's scores are those before masking.
  values["scores"] = attention::gated_pool(in("x"), weights).scores;
  return values;
}

Values score_pool(Inputs& in) {
  Values values;
  add_pooled(values, attention::score_pool(in("scores"), in("x")));
  return values;
}

Values gate(Inputs& in) {
  const std::string combine = in.text("combine");
  if (combine != "add" && combine != "concat") return {};
  attention::GateGrid grid;
  grid.theta_stride = {static_cast<std::int64_t>(in.number("theta_stride", 1))};
  const attention::AttentionGateWeights weights{in("Wg"),  in("bg"), in("Wx"), in("bx"), in("wpsi").flatten(),
                                                in("bpsi")};
  const auto how = combine == "add" ? attention::GateCombine::kAdd : attention::GateCombine::kConcat;
  const attention::Gated gated = attention::attention_gate(in("g"), in("x"), weights, how, true, grid);
  return {{"out", gated.out}, {"alpha", gated.alpha}};
}

}  // namespace

std::span<const AttentionOp> pooling_ops() {
  static constexpr std::array kOps{AttentionOp{"gated_pool", gated_pool}, AttentionOp{"score_pool", score_pool},
                                   AttentionOp{"gate3d", gate}};
  return kOps;
}

}  // namespace fovea::pipeline::selftest
