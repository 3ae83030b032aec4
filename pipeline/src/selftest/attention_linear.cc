// Linear, decayed and block-sparse attention, dynamic masks, landmark weights.
#include <array>

#include <fovea/models/linear_attention.h>
#include <fovea/models/sparse_attention.h>

#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {
namespace {

std::int64_t whole(const Inputs& in, const char* key) {
  return static_cast<std::int64_t>(in.number(key, 1));
}

Values linear(Inputs& in) {
  if (in.text("phi") != "elu+1") return {};
  return {{"out", attention::linear_attention(in("q"), in("k"), in("v"), in.mask("keep"), in.number("eps", 1e-6))}};
}

Values mala(Inputs& in) {
  attention::Rotation rotation;
  if (in.has("sin")) rotation = {in("sin"), in("cos")};
  const attention::Mala result =
      attention::mala(in("q"), in("k"), in("v"), in.mask("keep"), rotation, in.number("eps", 1e-6));
  return {{"out", result.out}, {"z", result.z}};
}

Values decayed(Inputs& in) {
  const auto run = [&](attention::Decay decay) {
    return attention::decayed_linear_attention(in("q"), in("k"), in("v"), in("slope"), decay);
  };
  return {{"causal", run(attention::Decay::kCausal)}, {"bidirectional", run(attention::Decay::kBidirectional)}};
}

Values block_sparse(Inputs& in) {
  const auto blocks = in.mask("blocks");
  if (!blocks) return {};
  const attention::Attended attended =
      attention::block_sparse_attention(in("q"), in("k"), in("v"), *blocks, whole(in, "block"));
  return {{"out", attended.out}, {"lse", attended.lse}};
}

Values rectified(Inputs& in) {
  attention::RectifiedOptions options;
  options.block = whole(in, "block"), options.at_least = whole(in, "top_k");
  options.mass = in.number("p_keep", options.mass);
  const attention::Rectified result = attention::rectified_block_sparse_attention(in("q"), in("k"), in("v"), options);
  return {{"out", result.out},
          {"sparse_out", result.sparse.out},
          {"pooled_probs", result.pooled},
          {"blocks", result.blocks},
          {"critical", result.critical}};
}

Values dynamic_mask(Inputs& in) {
  const attention::DynamicMasked result = attention::dynamic_mask_attention(
      in("q"), in("k"), in("v"), in("Wdt"), in("A"), whole(in, "window"), in.mask("keep"));
  return {{"out", result.attended.out}, {"bias", result.bias}, {"kept", result.kept}};
}

Values landmark(Inputs& in) {
  const attention::LandmarkWeights weights = attention::landmark_weights(in("s_tok"), in("s_lm"), in("s_loc"));
  return {{"w_tok", weights.tokens}, {"w_loc", weights.local}};
}

}  // namespace

std::span<const AttentionOp> linear_ops() {
  static constexpr std::array kOps{AttentionOp{"linear_attention", linear},
                                   AttentionOp{"mala", mala},
                                   AttentionOp{"decay_linear", decayed},
                                   AttentionOp{"block_sparse", block_sparse},
                                   AttentionOp{"block_sparse_rectified", rectified},
                                   AttentionOp{"dynamic_mask", dynamic_mask},
                                   AttentionOp{"landmark_weights", landmark}};
  return kOps;
}

}  // namespace fovea::pipeline::selftest
