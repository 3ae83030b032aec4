// Layers of AGUNet, and the way back from names to the configuration.
#include "seg/agunet.h"

namespace fovea::models::seg {
namespace {

using Kind = LayerPlan::Kind;

/// The gate halves the filters of its level: one filter would leave it none.
std::int64_t least_filters(const SegConfig& config) {
  return config.attention ? 2 : 1;
}

void add_gate(Plan& plan, const std::string& name, std::int64_t filters) {
  const std::int64_t inner = filters / 2;
  for (const char* side : {".g", ".x"}) {
    plan.push_back({Kind::kConvolution, name + side, filters, inner, 1});
    plan.push_back({Kind::kNorm, name + side + "_bn", 0, inner, 0});
  }
  plan.push_back({Kind::kConvolution, name + ".psi", 2 * inner, 1, 1});
  plan.push_back({Kind::kNorm, name + ".psi_bn", 0, 1, 0});
}

}  // namespace

Plan agunet_plan(const SegConfig& config) {
  Plan plan;
  add_encoder(plan, config, least_filters(config), "AGUNet");
  std::int64_t width = config.filters.back();
  for (std::int64_t level = static_cast<std::int64_t>(config.filters.size()) - 2; level >= 0; --level) {
    const std::int64_t filters = config.filters[static_cast<std::size_t>(level)];
    plan.push_back({Kind::kTransposed, layer_name("dec", level, ".up"), width, filters, 3});
    plan.push_back({Kind::kNorm, layer_name("dec", level, ".up_bn"), 0, filters, 0});
    if (config.attention) add_gate(plan, layer_name("dec", level, ".gate"), filters);
    add_block(plan, layer_name("dec", level, ""), 2 * filters, filters);
    width = filters;
  }
  add_heads(plan, config);
  return plan;
}

std::vector<TensorSpec> agunet_specs(const SegConfig& config) {
  return specs_of(agunet_plan(config), config);
}

std::optional<SegConfig> agunet_recognise(const StateDict& state) {
  // DAUNet shares encoder, bottom and heads with AGUNet; only its decoder has a norm after the concatenation.
  if (state.contains("dec0.cat_bn.weight")) return std::nullopt;
  auto config = recognise_trunk(state);
  if (!config) return std::nullopt;
  config->architecture = kAgunetName;
  config->attention = state.contains("dec0.gate.psi.weight");
  for (const std::int64_t filters : config->filters)
    if (filters < least_filters(*config)) return std::nullopt;
  return config;
}

}  // namespace fovea::models::seg
