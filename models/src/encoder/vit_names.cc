#include "encoder/vit_names.h"

#include <array>
#include <cctype>

namespace fovea::models::encoder_detail {
namespace {

/// '#' is the number of a block. A row without a tensor's last word (weight, bias) stands for all of them. A part in
/// braces is one of the three that timm keeps in one tensor.
struct NameRow {
  std::string_view timm, vit, dinov2;
  std::string_view dinov2_gated = {};  ///< where it differs from dinov2
};

constexpr std::string_view kParts = "{query,key,value}";
constexpr std::array<std::string_view, 3> kPartNames{"query", "key", "value"};

constexpr std::array<NameRow, 13> kNames{{
    {"cls_token", "embeddings.cls_token", "embeddings.cls_token"},
    {"reg_token", "", "embeddings.register_tokens"},
    {"pos_embed", "embeddings.position_embeddings", "embeddings.position_embeddings"},
    {"patch_embed.proj", "embeddings.patch_embeddings.projection", "embeddings.patch_embeddings.projection"},
    {"blocks.#.norm1", "encoder.layer.#.layernorm_before", "encoder.layer.#.norm1"},
    {"blocks.#.attn.qkv", "encoder.layer.#.attention.attention.{query,key,value}",
     "encoder.layer.#.attention.attention.{query,key,value}"},
    {"blocks.#.attn.proj", "encoder.layer.#.attention.output.dense", "encoder.layer.#.attention.output.dense"},
    {"blocks.#.ls1.gamma", "", "encoder.layer.#.layer_scale1.lambda1"},
    {"blocks.#.ls2.gamma", "", "encoder.layer.#.layer_scale2.lambda1"},
    {"blocks.#.norm2", "encoder.layer.#.layernorm_after", "encoder.layer.#.norm2"},
    {"blocks.#.mlp.fc1", "encoder.layer.#.intermediate.dense", "encoder.layer.#.mlp.fc1",
     "encoder.layer.#.mlp.weights_in"},
    {"blocks.#.mlp.fc2", "encoder.layer.#.output.dense", "encoder.layer.#.mlp.fc2", "encoder.layer.#.mlp.weights_out"},
    {"norm", "layernorm", "layernorm"},
}};

struct Split {
  std::string pattern, block;  ///< "blocks.#.norm1.weight", "12"
};

Split without_block(std::string_view name) {
  constexpr std::string_view kBlocks = "blocks.";
  if (!name.starts_with(kBlocks)) return {std::string(name), {}};
  std::size_t end = kBlocks.size();
  while (end < name.size() && std::isdigit(static_cast<unsigned char>(name[end]))) ++end;
  return {std::string(kBlocks) + "#" + std::string(name.substr(end)),
          std::string(name.substr(kBlocks.size(), end - kBlocks.size()))};
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

std::string_view target_of(const NameRow& row, VitNaming naming, bool gated) {
  if (naming == VitNaming::kTransformersVit) return row.vit;
  return gated && !row.dinov2_gated.empty() ? row.dinov2_gated : row.dinov2;
}

}  // namespace

std::vector<std::string> vit_file_names(VitNaming naming, bool gated, std::string_view name) {
  if (naming == VitNaming::kTimm) return {std::string(name)};
  const Split split = without_block(name);
  for (const NameRow& row : kNames) {
    const std::string_view pattern = split.pattern;
    if (!pattern.starts_with(row.timm)) continue;
    const std::string_view last = pattern.substr(row.timm.size());  // ".weight", or nothing
    if (!last.empty() && last.front() != '.') continue;
    const std::string_view target = target_of(row, naming, gated);
    if (target.empty()) return {};
    const std::string whole = replaced(std::string(target), "#", split.block) + std::string(last);
    if (whole.find(kParts) == std::string::npos) return {whole};
    std::vector<std::string> parts;
    for (const std::string_view part : kPartNames) parts.push_back(replaced(whole, kParts, part));
    return parts;
  }
  return {};
}

}  // namespace fovea::models::encoder_detail
