// What users of published encoders have beside the weights: timm's hub config.json, or transformers' config.json and
// preprocessor_config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/models/vit.h>

namespace fovea::pipeline {

/// What a config says; empty where it says nothing. Shapes are left to the weights, and these numbers check them.
struct EncoderConfig {
  std::string network;  ///< "vit" or "resnet50"
  std::optional<std::int64_t> dim, depth, heads, patch, registers, input_px, resize_px;
  std::optional<bool> no_class_position;  ///< timm's no_embed_class
  std::optional<double> norm_eps;
  std::optional<models::VitPooling> pooling;
  bool pooling_left_open = false;  ///< timm's global_pool "": the caller pools
  std::string activation;          ///< empty: as usual for the kind of MLP
  std::optional<std::array<double, 3>> mean, std;
  std::optional<models::Interpolation> interpolation;
  // Our own entry, {"fovea": {"pooling": "class" | "mean" | "class_mean", "mpp": 0.5, "tile_px": 256}}: what neither
  // library's config can say.
  std::optional<double> mpp;
  std::optional<std::int64_t> tile_px;
};

/// config.json and, where it is there, preprocessor_config.json of `folder`. Error(kNotFound, kCorrupt, kUnsupported)
/// in one sentence that names the file and the entry.
EncoderConfig read_encoder_config(const std::filesystem::path& folder);

}  // namespace fovea::pipeline
