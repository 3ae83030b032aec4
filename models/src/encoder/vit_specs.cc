// What a vision transformer's tensors are: from a config to names and shapes, and back.
#include <cmath>
#include <utility>

#include <fovea/models/vit.h>

#include "encoder/vit_names.h"

namespace fovea::models {
namespace {

std::string block_name(std::int64_t block, const char* rest) {
  return "blocks." + std::to_string(block) + "." + rest;
}

/// timm's names; vit_specs translates.
class SpecList {
 public:
  explicit SpecList(const VitConfig& config) : config_(config) {
    embeddings();
    for (std::int64_t block = 0; block < config_.depth; ++block) add_block(block);
    norm(config_.norm_after_pooling ? "fc_norm" : "norm", config_.dim);
  }
  const std::vector<TensorSpec>& specs() const { return specs_; }

 private:
  void embeddings() {
    const std::int64_t dim = config_.dim, prefix = config_.position_prefix;
    if (config_.class_token) specs_.push_back({"cls_token", {1, 1, dim}, Init::kNormal});
    if (config_.registers > 0) specs_.push_back({"reg_token", {1, config_.registers, dim}, Init::kNormal});
    specs_.push_back({"pos_embed", {1, config_.grid * config_.grid + prefix, dim}, Init::kNormal});
    specs_.push_back({"patch_embed.proj.weight", {dim, 3, config_.patch, config_.patch}});
    if (config_.patch_bias) specs_.push_back({"patch_embed.proj.bias", {dim}, Init::kZeros});
    if (config_.pre_norm) norm("norm_pre", dim);
  }
  void add_block(std::int64_t block) {
    const std::int64_t dim = config_.dim, hidden = config_.hidden;
    const auto named = [block](const char* rest) { return block_name(block, rest); };
    norm(named("norm1"), dim);
    linear(named("attn.qkv"), 3 * dim, dim, config_.qkv_bias);
    if (config_.qk_norm)
      norm(named("attn.q_norm"), dim / config_.heads), norm(named("attn.k_norm"), dim / config_.heads);
    linear(named("attn.proj"), dim, dim, true);
    norm(named("norm2"), dim);
    linear(named("mlp.fc1"), config_.gated ? 2 * hidden : hidden, dim, true);
    linear(named("mlp.fc2"), dim, hidden, true);
    if (!config_.layer_scale) return;
    for (const char* gamma : {"ls1.gamma", "ls2.gamma"}) specs_.push_back({named(gamma), {dim}, Init::kOnes});
  }
  void norm(const std::string& name, std::int64_t width) {
    specs_.push_back({name + ".weight", {width}, Init::kOnes});
    specs_.push_back({name + ".bias", {width}, Init::kZeros});
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
    specs_.push_back({name + ".weight", {out, in}});
    if (bias) specs_.push_back({name + ".bias", {out}, Init::kLinearBias, in});
  }

  const VitConfig& config_;
  std::vector<TensorSpec> specs_;
};

/// Looks tensors up by timm's names in a file of any naming.
class Shapes {
 public:
  Shapes(const StateDict& state, VitNaming naming, bool gated) : state_(state), naming_(naming), gated_(gated) {}

  const at::Tensor* find(const std::string& name) const {
    const auto names = encoder_detail::vit_file_names(naming_, gated_, name);
    const auto found = names.empty() ? state_.end() : state_.find(names.front());
    return found == state_.end() ? nullptr : &found->second;
  }
  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// 0 where there is no such tensor or dimension.
  std::int64_t size(const std::string& name, std::int64_t dimension) const {
    const at::Tensor* tensor = find(name);
    return tensor && dimension < tensor->dim() ? tensor->size(dimension) : 0;
  }

 private:
  const StateDict& state_;
  VitNaming naming_;
  bool gated_;
};

std::optional<VitNaming> naming_of(const StateDict& state) {
  if (state.count("blocks.0.attn.qkv.weight") > 0) return VitNaming::kTimm;
  if (state.count("encoder.layer.0.attention.attention.query.weight") == 0) return {};
  return state.count("encoder.layer.0.layernorm_before.weight") > 0 ? VitNaming::kTransformersVit
                                                                    : VitNaming::kTransformersDinov2;
}

/// Which prefix tokens have a position: the choice that leaves a square of patches.
void find_grid(VitConfig& config, std::int64_t positions) {
  const std::int64_t cls = config.class_token ? 1 : 0;
  const bool timm = config.naming == VitNaming::kTimm;
  for (const std::int64_t prefix : timm ? std::vector{cls + config.registers, std::int64_t{0}} : std::vector{cls}) {
    const auto grid = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(positions - prefix))));
    config.position_prefix = prefix, config.grid = grid;
    if (grid > 0 && grid * grid == positions - prefix) return;
  }
}

}  // namespace

std::optional<VitConfig> recognise_vit(const StateDict& state) {
  const auto naming = naming_of(state);
  if (!naming) return {};
  VitConfig config;
  config.naming = *naming;
  config.gated = state.count("encoder.layer.0.mlp.weights_in.weight") > 0;
  const Shapes shapes(state, *naming, config.gated);
  config.dim = shapes.size("patch_embed.proj.weight", 0), config.patch = shapes.size("patch_embed.proj.weight", 2);
  while (shapes.has(block_name(config.depth, "norm1.weight"))) ++config.depth;
  config.hidden = shapes.size("blocks.0.mlp.fc2.weight", 1);
  config.gated = config.hidden > 0 && shapes.size("blocks.0.mlp.fc1.weight", 0) == 2 * config.hidden;
  config.class_token = shapes.has("cls_token");
  config.registers = shapes.size("reg_token", 1);
  config.layer_scale = shapes.has("blocks.0.ls1.gamma");
  config.qkv_bias = shapes.has("blocks.0.attn.qkv.bias"), config.patch_bias = shapes.has("patch_embed.proj.bias");
  config.pre_norm = *naming == VitNaming::kTimm && shapes.has("norm_pre.weight");
  config.norm_after_pooling = *naming == VitNaming::kTimm && shapes.has("fc_norm.weight");
  if (config.norm_after_pooling || !config.class_token) config.pooling = VitPooling::kMean;
  const std::int64_t head_width = *naming == VitNaming::kTimm ? shapes.size("blocks.0.attn.q_norm.weight", 0) : 0;
  config.qk_norm = head_width > 0;
  if (config.qk_norm) config.heads = config.dim / head_width;
  find_grid(config, shapes.size("pos_embed", 1));
  return config;
}

std::vector<TensorSpec> vit_specs(const VitConfig& config) {
  const SpecList list(config);
  std::vector<TensorSpec> specs;
  for (const TensorSpec& spec : list.specs()) {
    const auto names = encoder_detail::vit_file_names(config.naming, config.gated, spec.name);
    for (const std::string& name : names) {
      specs.push_back(spec);
      specs.back().name = name;
      specs.back().shape.front() /= static_cast<std::int64_t>(names.size());
    }
  }
  return specs;
}

bool vit_drops(std::string_view name) {
  return name.starts_with("head.") || name.starts_with("classifier.") || name.starts_with("pooler.") ||
         name == "mask_token" || name == "embeddings.mask_token";
}

}  // namespace fovea::models
