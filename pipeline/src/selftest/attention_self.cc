// Dense and neighbourhood self-attention, learned-query pooling.
#include <array>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <nlohmann/json.hpp>

#include <fovea/models/self_attention.h>

#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {
namespace {

attention::AttentionOptions options_of(Inputs& in) {
  using attention::Normaliser;
  attention::AttentionOptions options;
  if (in.has("bias")) options.bias = in("bias");
  if (const auto keep = in.mask("keep")) options.keep = *keep;
  const std::string normaliser = in.text("normaliser");
  if (normaliser == "softmax_sink") options.normaliser = Normaliser::kSoftmaxSink, options.sink = in("sink");
  if (normaliser == "sigmoid") options.normaliser = Normaliser::kSigmoid;
  if (normaliser != "affine") return options;
  options.normaliser = Normaliser::kAffine;
  options.alpha = attention::affine_alpha(in("xq"), in("Wa"));
  options.alpha_mean = in("alpha_ma").item<double>();
  return options;
}

Values sdpa(Inputs& in) {
  const attention::AttentionOptions options = options_of(in);
  const attention::Attended attended = attention::attention(in("q"), in("k"), in("v"), options);
  Values values{{"out", attended.out}, {"attn", attention::attention_weights(in("q"), in("k"), options)}};
  if (options.alpha.defined()) values["alpha"] = options.alpha;
  for (const char* name : {"lse", "lse_without_sink", "_lse"})
    if (in.has(std::string(name) + ".f64")) values[name] = attended.lse;
  return values;
}

Values sqa(Inputs& in) {
  const auto x = in("x");
  const auto heads = [&](const char* weight, const char* count) {
    const auto n = static_cast<std::int64_t>(in.number(count, 1));
    return at::linear(x, in(weight)).reshape({x.size(0), x.size(1), n, -1}).transpose(1, 2);
  };
  attention::AttentionOptions options;
  if (const auto keep = in.mask("keep")) options.keep = *keep;
  const attention::Attended attended =
      attention::attention(heads("Wq", "Hq"), heads("Wk", "Hk"), heads("Wv", "Hk"), options);
  const at::Tensor y = at::linear(attended.out.transpose(1, 2).flatten(2), in("Wo"));
  return {{"y", y}, {"o", attended.out}, {"lse", attended.lse}};
}

Values neighbourhood(Inputs& in) {
  const auto list = [&](const char* key) { return nlohmann::json::parse(in.text(key)); };
  attention::NeighbourhoodOptions options;
  options.window = list("window").get<std::vector<std::int64_t>>();
  options.stride = list("stride").get<std::vector<std::int64_t>>();
  options.dilation = list("dilation").get<std::vector<std::int64_t>>();
  if (!in.text("causal").empty()) options.causal = list("causal").get<std::vector<bool>>();
  if (const auto valid = in.mask("valid")) options.valid = *valid;
  const attention::Attended attended = attention::neighbourhood_attention(
      in("q"), in("k"), in("v"), list("shape").get<std::vector<std::int64_t>>(), options);
  Values values{{"out", attended.out}};
  if (in.has("lse.f64")) values["lse"] = attended.lse;
  return values;
}

Values mha_pool(Inputs& in) {
  const attention::QueryPoolWeights weights{in("Wq"), in("bq"), in("Wk"), in("bk"),
                                            in("Wv"), in("bv"), in("Wo"), in("bo")};
  const attention::QueryPooled pooled =
      attention::query_pool(in("x"), in("q"), weights, static_cast<std::int64_t>(in.number("heads", 8)));
  const at::Tensor out = at::layer_norm(pooled.z, {pooled.z.size(1)}, in("lnw"), in("lnb"), in.number("eps", 1e-6));
  return {{"out", out}, {"logits", pooled.scores}};
}

}  // namespace

std::span<const AttentionOp> self_ops() {
  static constexpr std::array kOps{AttentionOp{"sdpa", sdpa}, AttentionOp{"sqa", sqa},
                                   AttentionOp{"gna", neighbourhood}, AttentionOp{"mha_pool", mha_pool}};
  return kOps;
}

}  // namespace fovea::pipeline::selftest
