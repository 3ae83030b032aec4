// Layers of DAUNet, and the way back from names to the configuration.
#include "seg/daunet.h"

#include <algorithm>

namespace fovea::models::seg {
namespace {

using Kind = LayerPlan::Kind;

constexpr std::int64_t kReduction = 8;  ///< queries and keys of position attention are this much narrower

/// What follows an attention: convolution, norm, convolution, all as wide as the bottom.
void add_post(Plan& plan, const std::string& name, std::int64_t width) {
  plan.push_back({Kind::kConvolution, name + ".post.conv0", width, width, 3});
  plan.push_back({Kind::kNorm, name + ".post.bn0", 0, width, 0});
  plan.push_back({Kind::kConvolution, name + ".post.conv1", width, width, 3});
}

}  // namespace

Plan daunet_plan(const SegConfig& config) {
  Plan plan;
  add_encoder(plan, config, 1, "DAUNet");
  const std::int64_t bottom = config.filters.back(), inner = std::max<std::int64_t>(1, bottom / kReduction);
  plan.push_back({Kind::kScale, "pam.gamma"});
  plan.push_back({Kind::kProjection, "pam.b", bottom, inner, 1});
  plan.push_back({Kind::kProjection, "pam.c", bottom, inner, 1});
  plan.push_back({Kind::kProjection, "pam.d", bottom, bottom, 1});
  add_post(plan, "pam", bottom);
  plan.push_back({Kind::kScale, "cam.gamma"});
  add_post(plan, "cam", bottom);
  plan.push_back({Kind::kConvolution, "fuse.conv", bottom, bottom, 1});
  plan.push_back({Kind::kNorm, "fuse.bn", 0, bottom, 0});
  std::int64_t width = bottom;
  for (std::int64_t level = static_cast<std::int64_t>(config.filters.size()) - 2; level >= 0; --level) {
    const std::int64_t filters = config.filters[static_cast<std::size_t>(level)];
    const std::int64_t joined = (config.guided ? 3 : 2) * filters;
    plan.push_back({Kind::kTransposed, layer_name("dec", level, ".up"), width, filters, 3});
    if (config.guided) plan.push_back({Kind::kTransposed, layer_name("dec", level, ".guide"), bottom, filters, 3});
    plan.push_back({Kind::kNorm, layer_name("dec", level, ".cat_bn"), 0, joined, 0});
    add_block(plan, layer_name("dec", level, ""), joined, filters);
    width = filters;
  }
  add_heads(plan, config);
  return plan;
}

std::vector<TensorSpec> daunet_specs(const SegConfig& config) {
  return specs_of(daunet_plan(config), config);
}

std::optional<SegConfig> daunet_recognise(const StateDict& state) {
  if (!state.contains("dec0.cat_bn.weight")) return std::nullopt;
  auto config = recognise_trunk(state);
  if (!config) return std::nullopt;
  config->architecture = kDaunetName;
  config->attention = true;
  config->guided = state.contains("dec0.guide.weight");
  return config;
}

}  // namespace fovea::models::seg
