#include "seg/layer_plan.h"

#include <algorithm>

#include <fovea/base/error.h>

namespace fovea::models::seg {
namespace {

using Kind = LayerPlan::Kind;

void check(const SegConfig& config, std::int64_t least, const std::string& title) {
  std::string problem;
  if (config.dims != 2 && config.dims != 3) problem = "has 2 or 3 spatial dimensions";
  if (config.channels < 1 || config.classes < 2) problem = "needs at least 1 channel and 2 classes";
  if (config.filters.size() < 2 || config.filters.size() > 12) problem = "has 2 to 12 levels";
  for (const std::int64_t filters : config.filters)
    if (filters < least) problem = "needs at least " + std::to_string(least) + " filters at each level";
  if (!problem.empty()) throw Error(ErrorCode::kUsage, title, "the network " + problem, "Give other widths.");
}

const at::Tensor* find(const StateDict& state, const std::string& name) {
  const auto found = state.find(name);
  return found == state.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<std::int64_t> LayerPlan::shape(int dims) const {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dims) + 2, kernel);
  shape[0] = kind == Kind::kTransposed ? in : out;
  shape[1] = kind == Kind::kTransposed ? out : in;
  return shape;
}

std::string layer_name(const char* part, std::int64_t level, const char* layer) {
  return part + std::to_string(level) + layer;
}

void add_block(Plan& plan, const std::string& name, std::int64_t in, std::int64_t out) {
  for (const char* index : {"0", "1"}) {
    plan.push_back({Kind::kConvolution, name + ".conv" + index, in, out, 3});
    plan.push_back({Kind::kNorm, name + ".bn" + index, 0, out, 0});
    in = out;
  }
}

void add_encoder(Plan& plan, const SegConfig& config, std::int64_t least, const char* title) {
  check(config, least, title);
  const auto levels = static_cast<std::int64_t>(config.filters.size());
  std::int64_t width = config.channels;
  for (std::int64_t level = 0; level < levels; ++level) {
    const bool bottom = level == levels - 1;
    const std::int64_t filters = config.filters[static_cast<std::size_t>(level)];
    const std::string name = bottom ? "bottom" : layer_name("enc", level, "");
    if (config.multi_scale && level > 0 && (!bottom || config.pyramid_at_bottom)) {
      plan.push_back({Kind::kConvolution, name + ".pyr", config.channels, filters, 3});
      width += filters;
    }
    add_block(plan, name, width, filters);
    width = filters;
  }
}

void add_heads(Plan& plan, const SegConfig& config) {
  const auto deepest = static_cast<std::int64_t>(config.filters.size()) - 2;
  for (std::int64_t level = config.deep_supervision ? deepest : 0; level >= 0; --level) {
    plan.push_back({Kind::kConvolution, layer_name("head", level, ""), config.filters[static_cast<std::size_t>(level)],
                    config.classes, 1});
  }
}

std::vector<TensorSpec> specs_of(const Plan& plan, const SegConfig& config) {
  std::vector<TensorSpec> specs;
  for (const LayerPlan& layer : plan) {
    switch (layer.kind) {
      case Kind::kScale: specs.push_back({layer.name, {1}, Init::kZeros}); break;
      case Kind::kProjection: specs.push_back({layer.name + ".weight", layer.shape(config.dims)}); break;
      case Kind::kNorm:
        specs.push_back({layer.name + ".weight", {layer.out}, Init::kOnes});
        specs.push_back({layer.name + ".bias", {layer.out}, Init::kZeros});
        if (config.norm != SegNorm::kBatch) break;
        specs.push_back({layer.name + ".running_mean", {layer.out}, Init::kRunningMean});
        specs.push_back({layer.name + ".running_var", {layer.out}, Init::kRunningVar});
        break;
      case Kind::kConvolution:
      case Kind::kTransposed:
        specs.push_back({layer.name + ".weight", layer.shape(config.dims), Init::kLinearWeight});
        specs.push_back({layer.name + ".bias", {layer.out}, Init::kZeros});
        break;
    }
  }
  return specs;
}

std::optional<SegConfig> recognise_trunk(const StateDict& state) {
  const at::Tensor* first = find(state, "enc0.conv0.weight");
  const at::Tensor* bottom = find(state, "bottom.conv0.weight");
  const at::Tensor* head = find(state, "head0.weight");
  if (!first || !bottom || !head) return std::nullopt;
  if ((first->dim() != 4 && first->dim() != 5) || bottom->dim() != first->dim() || head->dim() != first->dim()) {
    return std::nullopt;
  }
  SegConfig config;
  config.dims = static_cast<int>(first->dim()) - 2;
  config.channels = first->size(1);
  config.classes = head->size(0);
  for (std::int64_t level = 0; level < 11; ++level) {
    const at::Tensor* weight = find(state, layer_name("enc", level, ".conv0.weight"));
    if (!weight || weight->dim() == 0) break;
    config.filters.push_back(weight->size(0));
  }
  config.filters.push_back(bottom->size(0));
  config.multi_scale = state.contains("enc1.pyr.weight") || state.contains("bottom.pyr.weight");
  config.pyramid_at_bottom = state.contains("bottom.pyr.weight");
  config.deep_supervision = state.contains("head1.weight");
  // The tensors of group and instance norm are the same; the file's own words (fovea.config) tell them apart.
  if (!state.contains("enc0.bn0.running_mean")) config.norm = SegNorm::kGroup;
  if (config.channels < 1 || config.classes < 2 || config.filters.size() < 2) return std::nullopt;
  return config;
}

}  // namespace fovea::models::seg
