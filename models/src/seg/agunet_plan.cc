// Layers of AGUNet: what there is, how large, in which order; and the way back from names and shapes to the
// configuration.
#include "seg/agunet.h"

#include <fovea/base/error.h>

namespace fovea::models::seg {
namespace {

using Kind = LayerPlan::Kind;

void check(const SegConfig& config) {
  const char* problem = nullptr;
  if (config.dims != 2 && config.dims != 3) problem = "an AGUNet has 2 or 3 spatial dimensions";
  if (config.channels < 1 || config.classes < 2) problem = "an AGUNet needs at least 1 channel and 2 classes";
  if (config.filters.size() < 2 || config.filters.size() > 12) problem = "an AGUNet has 2 to 12 levels";
  for (const std::int64_t filters : config.filters) {
    // The gate halves the filters of its level: one filter would leave it none.
    if (filters < (config.attention ? 2 : 1)) problem = "a level of the AGUNet has too few filters";
  }
  if (problem) throw Error(ErrorCode::kUsage, "AGUNet", problem, "Give other widths.");
}

void add_block(std::vector<LayerPlan>& plan, const std::string& name, std::int64_t in, std::int64_t out) {
  for (const char* index : {"0", "1"}) {
    plan.push_back({Kind::kConvolution, name + ".conv" + index, in, out, 3});
    plan.push_back({Kind::kNorm, name + ".bn" + index, 0, out, 0});
    in = out;
  }
}

void add_gate(std::vector<LayerPlan>& plan, const std::string& name, std::int64_t filters) {
  const std::int64_t inner = filters / 2;
  for (const char* side : {".g", ".x"}) {
    plan.push_back({Kind::kConvolution, name + side, filters, inner, 1});
    plan.push_back({Kind::kNorm, name + side + "_bn", 0, inner, 0});
  }
  plan.push_back({Kind::kConvolution, name + ".psi", 2 * inner, 1, 1});
  plan.push_back({Kind::kNorm, name + ".psi_bn", 0, 1, 0});
}

const at::Tensor* find(const StateDict& state, const std::string& name) {
  const auto found = state.find(name);
  return found == state.end() ? nullptr : &found->second;
}

}  // namespace

std::string layer_name(const char* part, std::int64_t level, const char* layer) {
  return part + std::to_string(level) + layer;
}

std::vector<LayerPlan> agunet_plan(const SegConfig& config) {
  check(config);
  const auto levels = static_cast<std::int64_t>(config.filters.size());
  const auto filters = [&](std::int64_t level) { return config.filters[static_cast<std::size_t>(level)]; };
  std::vector<LayerPlan> plan;
  std::int64_t width = config.channels;
  for (std::int64_t level = 0; level < levels - 1; ++level) {
    if (config.multi_scale && level > 0) {
      plan.push_back({Kind::kConvolution, layer_name("enc", level, ".pyr"), config.channels, filters(level), 3});
      width += filters(level);
    }
    add_block(plan, layer_name("enc", level, ""), width, filters(level));
    width = filters(level);
  }
  add_block(plan, "bottom", width, filters(levels - 1));
  width = filters(levels - 1);
  for (std::int64_t level = levels - 2; level >= 0; --level) {
    plan.push_back({Kind::kTransposed, layer_name("dec", level, ".up"), width, filters(level), 3});
    plan.push_back({Kind::kNorm, layer_name("dec", level, ".up_bn"), 0, filters(level), 0});
    if (config.attention) add_gate(plan, layer_name("dec", level, ".gate"), filters(level));
    add_block(plan, layer_name("dec", level, ""), 2 * filters(level), filters(level));
    width = filters(level);
  }
  for (std::int64_t level = config.deep_supervision ? levels - 2 : 0; level >= 0; --level) {
    plan.push_back({Kind::kConvolution, layer_name("head", level, ""), filters(level), config.classes, 1});
  }
  return plan;
}

std::vector<TensorSpec> agunet_specs(const SegConfig& config) {
  std::vector<TensorSpec> specs;
  for (const LayerPlan& layer : agunet_plan(config)) {
    if (layer.kind == Kind::kNorm) {
      specs.push_back({layer.name + ".weight", {layer.out}, Init::kOnes});
      specs.push_back({layer.name + ".bias", {layer.out}, Init::kZeros});
      specs.push_back({layer.name + ".running_mean", {layer.out}, Init::kRunningMean});
      specs.push_back({layer.name + ".running_var", {layer.out}, Init::kRunningVar});
      continue;
    }
    std::vector<std::int64_t> shape(static_cast<std::size_t>(config.dims + 2), layer.kernel);
    const bool transposed = layer.kind == Kind::kTransposed;
    shape[0] = transposed ? layer.in : layer.out;
    shape[1] = transposed ? layer.out : layer.in;
    specs.push_back({layer.name + ".weight", std::move(shape), Init::kLinearWeight});
    specs.push_back({layer.name + ".bias", {layer.out}, Init::kZeros});
  }
  return specs;
}

std::optional<SegConfig> agunet_recognise(const StateDict& state) {
  const at::Tensor* first = find(state, "enc0.conv0.weight");
  const at::Tensor* bottom = find(state, "bottom.conv0.weight");
  const at::Tensor* head = find(state, "head0.weight");
  // DAUNet shares encoder, bottom and heads with AGUNet; only its decoder has a norm after the concatenation.
  if (!first || !bottom || !head || find(state, "dec0.cat_bn.weight")) return std::nullopt;
  if ((first->dim() != 4 && first->dim() != 5) || bottom->dim() != first->dim() || head->dim() != first->dim()) {
    return std::nullopt;
  }
  SegConfig config;
  config.architecture = kAgunetName;
  config.dims = static_cast<int>(first->dim()) - 2;
  config.channels = first->size(1);
  config.classes = head->size(0);
  for (std::int64_t level = 0; level < 11; ++level) {
    const at::Tensor* weight = find(state, layer_name("enc", level, ".conv0.weight"));
    if (!weight || weight->dim() == 0) break;
    config.filters.push_back(weight->size(0));
  }
  config.filters.push_back(bottom->size(0));
  config.multi_scale = find(state, "enc1.pyr.weight") != nullptr;
  config.deep_supervision = find(state, "head1.weight") != nullptr;
  config.attention = find(state, "dec0.gate.psi.weight") != nullptr;
  const std::int64_t least = config.attention ? 2 : 1;
  for (const std::int64_t filters : config.filters) {
    if (filters < least) return std::nullopt;
  }
  if (config.channels < 1 || config.classes < 2) return std::nullopt;
  return config;
}

}  // namespace fovea::models::seg
