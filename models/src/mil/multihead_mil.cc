#include "mil/multihead_mil.h"

#include <fovea/models/attention.h>

namespace fovea::models::mil {

std::vector<TensorSpec> multihead_specs(const MilConfig& config) {
  return {{"dimreduction.fc1.weight", {config.inner, config.features}},
          {"q", {1, config.branches, config.inner}, Init::kFaintNormal}};
}

void add_block(std::vector<TensorSpec>& specs, const std::string& block, const MilConfig& config, bool scores) {
  if (scores) add_linear(specs, block + ".q_proj", config.inner, config.inner);
  if (scores) add_linear(specs, block + ".k_proj", config.inner, config.inner);
  add_linear(specs, block + ".v_proj", config.inner, config.inner);
  add_linear(specs, block + ".out_proj", config.inner, config.inner);
  add_layer_norm(specs, block + ".layer_norm", config.inner);
}

std::optional<MilConfig> recognise_multihead(const StateDict& state, std::string_view architecture,
                                             const std::string& block, const std::string& head) {
  MilConfig config;
  config.architecture = architecture;
  config.features = extent(state, "dimreduction.fc1.weight", 1);
  config.inner = extent(state, "dimreduction.fc1.weight", 0);
  config.branches = extent(state, "q", 1, 3);
  config.classes = extent(state, head + ".weight", 0);
  config.heads = kHeads;
  if (config.inner % kHeads != 0 || extent(state, block + ".q_proj.weight", 0) < 1) return {};
  return when_whole(config, false);
}

MilConfig completed_multihead(MilConfig config) {
  config.attention = 0;
  const std::int64_t half = (config.features + 1) / 2;
  return with_defaults(std::move(config), (half + kHeads - 1) / kHeads * kHeads, 0, kHeads);
}

at::Tensor MultiheadMil::reduce(const at::Tensor& bag) const {
  check_rows(bag);
  return linear(bag, "dimreduction.fc1").relu();
}

attention::QueryPoolWeights MultiheadMil::weights_of_block(const std::string& block) const {
  const auto weight = [&](const char* name) { return tensor(block + "." + name + ".weight"); };
  const auto bias = [&](const char* name) { return tensor(block + "." + name + ".bias"); };
  return {weight("q_proj"), bias("q_proj"), weight("k_proj"),   bias("k_proj"),
          weight("v_proj"), bias("v_proj"), weight("out_proj"), bias("out_proj")};
}

MultiheadMil::Pooled MultiheadMil::pool(const at::Tensor& rows, const std::string& block, std::int64_t branch,
                                        const MilStep& step) const {
  const attention::QueryPoolWeights weights = weights_of_block(block);
  const at::Tensor query = tensor("q")[0].slice(0, branch, branch + 1);
  if (!masks_scores(step)) {
    const attention::QueryPooled pooled = attention::query_pool(rows, query, weights, kHeads);
    return {pooled.z, pooled.scores};
  }
  MilStep own = step;
  own.seed += static_cast<std::uint64_t>(branch) << 32;
  if (step.masked) own.masked = step.masked->slice(1, branch, branch + 1);
  const at::Tensor scores = step_scores(attention::query_scores(rows, query, weights, kHeads), own);
  return {pool_with(attention::weights_of(scores.flatten(0, 1)).view_as(scores), rows, block), scores};
}

at::Tensor MultiheadMil::pool_with(const at::Tensor& weights, const at::Tensor& rows, const std::string& block) const {
  const std::string values = block + ".v_proj";
  return linear(attention::pool_values(weights, rows, tensor(values + ".weight"), tensor(values + ".bias")),
                block + ".out_proj");
}

at::Tensor MultiheadMil::finished(const at::Tensor& z, const std::string& block, const MilStep& step,
                                  std::uint64_t place) const {
  constexpr double kEps = 1e-6;
  return layer_norm(dropped(z, step, place), block + ".layer_norm", kEps);
}

MilOutput MultiheadMil::output_of(const at::Tensor& scores) const {
  MilOutput output;
  output.attn_raw = scores;
  output.attn_softmax = attention::weights_of(scores.flatten(0, 1)).view_as(scores);
  output.entropy = -attention::negative_entropy(scores);
  return output;
}

}  // namespace fovea::models::mil
