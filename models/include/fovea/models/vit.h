// A plain vision transformer as tile encoder, configurable enough for the published pathology encoders: the networks
// that timm and transformers (ViT, Dinov2) build under these names. reference/wsi.md 4.1. Attention goes through
// attention::attention.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/models/encoder.h>

namespace fovea::models {

/// Whose names a file uses, and with them how positions are resampled: timm antialiased bicubic, transformers plain
/// bicubic.
enum class VitNaming { kTimm, kTransformersVit, kTransformersDinov2 };

enum class VitPooling {
  kClass,         ///< the class token                                -> dim
  kMean,          ///< mean of the patch tokens                       -> dim
  kClassAndMean,  ///< class token, then mean of the patch tokens     -> 2 dim
};

struct VitConfig {
  VitNaming naming = VitNaming::kTimm;
  std::int64_t dim = 0, depth = 0, heads = 0, patch = 0;  ///< heads divide dim; no shape tells them
  std::int64_t hidden = 0;                                ///< width between the two layers of the MLP, after gating
  std::int64_t registers = 0;
  std::int64_t grid = 0;  ///< the stored positions are grid x grid; another input size resamples them
  /// Prefix tokens that have a stored position: none (timm's no_embed_class), class and registers (timm), class alone
  /// (transformers).
  std::int64_t position_prefix = 1;
  bool class_token = true;
  bool gated = false;  ///< SwiGLU, gate first (timm's SwiGLUPacked, Dinov2's), instead of GELU
  bool layer_scale = false;
  bool qkv_bias = true, patch_bias = true;
  bool pre_norm = false;  ///< a norm before the first block
  bool qk_norm = false;
  bool norm_after_pooling = false;  ///< timm's fc_norm
  VitPooling pooling = VitPooling::kClass;
  double norm_eps = 1e-6;

  std::int64_t width() const { return pooling == VitPooling::kClassAndMean ? 2 * dim : dim; }
};

/// Everything that names and shapes tell; heads, norm_eps and pooling (but for what a norm tells) are left for a config
/// file to say. Nothing when the names are not those of a vision transformer.
std::optional<VitConfig> recognise_vit(const StateDict& state);

/// In the names of `config.naming`.
std::vector<TensorSpec> vit_specs(const VitConfig& config);

/// What checkpoints carry beside the encoder: classifier, pooler, mask token.
bool vit_drops(std::string_view name);

/// `state` as checked against vit_specs. Computes on the device and in the precision of its tensors. Error(kShape) when
/// heads do not divide dim or patch does not divide the input edge.
std::unique_ptr<TileEncoder> make_vit(const VitConfig& config, const StateDict& state, EncoderInfo info);

}  // namespace fovea::models
