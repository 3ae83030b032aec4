// Dual attention, split states, the Gram of branch weights. (Gates are in attention_pooling.cc.)
#include <array>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <nlohmann/json.hpp>

#include <fovea/models/softmax_state.h>
#include <fovea/models/volume_attention.h>

#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {
namespace {

Values dual_position(Inputs& in) {
  const at::Tensor x = in("x");
  const attention::PositionWeights w{in("Wq"), in("bq"), in("Wk"), in("bk"), in("Wv"), in("bv"), in("gamma")};
  const at::Tensor q = attention::projected_voxels(x, w.wq, w.bq), k = attention::projected_voxels(x, w.wk, w.bk);
  return {{"out", attention::dual_position(x, w)}, {"attn", attention::position_weights(q, k)}};
}

Values dual_channel(Inputs& in) {
  const std::string named = in.text("form");
  const auto form = named.empty() ? attention::ChannelForm::kInverted : attention::parse_channel_form(named);
  return {{"out", attention::dual_channel(in("x"), in("gamma"), form)},
          {"attn", attention::channel_weights(in("x"), form)}};
}

Values split_merge(Inputs& in) {
  const auto cuts = nlohmann::json::parse(in.text("cuts")).get<std::vector<std::int64_t>>();
  const at::Tensor scores = in("scores"), v = in("v");
  std::vector<attention::SplitState> parts;
  std::vector<at::Tensor> m, l, o;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    parts.push_back(attention::split_state(scores.slice(1, cuts[i], cuts[i + 1]), v.slice(0, cuts[i], cuts[i + 1])));
    m.push_back(parts.back().m), l.push_back(parts.back().l), o.push_back(parts.back().o);
  }
  const attention::SplitState merged = attention::merged_states(parts);
  const attention::Merged result = attention::finished(merged);
  return {{"part_m", at::stack(m)}, {"part_l", at::stack(l)}, {"part_o", at::stack(o)}, {"m", merged.m},
          {"l", merged.l},          {"out", result.out},      {"lse", result.lse}};
}

Values branch_gram(Inputs& in) {
  const attention::BranchGram branches = attention::branch_gram(in("scores"));
  return {{"gram", branches.gram}, {"diversity", branches.diversity}};
}

}  // namespace

std::span<const AttentionOp> volume_ops() {
  static constexpr std::array kOps{AttentionOp{"dual_position", dual_position},
                                   AttentionOp{"dual_channel", dual_channel}, AttentionOp{"split_merge", split_merge},
                                   AttentionOp{"branch_gram", branch_gram}};
  return kOps;
}

}  // namespace fovea::pipeline::selftest
