#include "encoder/vit_rows.h"

#include <array>

#include <fovea/models/vit.h>

namespace fovea::models::encoder_detail {
namespace {

using Naming = VitNaming;
using Pooling = VitPooling;

struct Row {
  std::string_view name, aliases, description, licence;
  VitConfig config;
  EncoderInfo info;
};

EncoderInfo info_of(std::int64_t tile_px, const std::array<double, 3>& mean, const std::array<double, 3>& std,
                    Interpolation interpolation = Interpolation::kBilinear) {
  EncoderInfo info;
  info.tile_px = tile_px, info.input_px = 224, info.mean = mean, info.std = std, info.interpolation = interpolation;
  return info;
}

VitConfig base(std::int64_t patch, std::int64_t dim, std::int64_t depth, std::int64_t heads, std::int64_t hidden) {
  VitConfig config;
  config.patch = patch, config.dim = dim, config.depth = depth, config.heads = heads, config.hidden = hidden;
  config.grid = 224 / patch;
  return config;
}

VitConfig with_layer_scale(VitConfig config) {
  config.layer_scale = true;
  return config;
}

VitConfig gated(VitConfig config) {
  config.gated = config.layer_scale = true;
  return config;
}

/// `positions`: prefix tokens that have one.
VitConfig with_registers(VitConfig config, std::int64_t registers, std::int64_t positions) {
  config.registers = registers, config.position_prefix = positions;
  return config;
}

VitConfig pooling(VitConfig config, Pooling pooled) {
  config.pooling = pooled;
  return config;
}

VitConfig named(VitConfig config, Naming naming, double eps) {
  config.naming = naming, config.norm_eps = eps;
  return config;
}

constexpr std::array<double, 3> kLunitMean{0.70322989, 0.53606487, 0.66096631},
    kLunitStd{0.21716536, 0.26081574, 0.20723464};
constexpr std::array<double, 3> kOptimusMean{0.707223, 0.578729, 0.703617}, kOptimusStd{0.211883, 0.230117, 0.177517};

// Sizes, pooling, normalisation: reference/wsi.md 4. Licences are recalled from there: the model card decides.
const std::array<Row, 9>& rows() {
  static const std::array<Row, 9> kRows{{
      {"uni_v1", "uni", "UNI: ViT-L/16 with LayerScale, class token",
       "CC BY-NC-ND 4.0 as recalled, gated: get it from huggingface.co/MahmoodLab/UNI and read the card",
       with_layer_scale(base(16, 1024, 24, 16, 4096)), info_of(256, kImageNetMean, kImageNetStd)},
      {"uni_v2", "uni2 uni2-h", "UNI2-h: ViT-H/14, SwiGLU, 8 registers, class token",
       "CC BY-NC-ND 4.0 as recalled, gated: get it from huggingface.co/MahmoodLab/UNI2-h and read the card",
       with_registers(gated(base(14, 1536, 24, 24, 4096)), 8, 0), info_of(256, kImageNetMean, kImageNetStd)},
      {"virchow", "", "Virchow: ViT-H/14, SwiGLU, class token and mean of the patches",
       "Apache-2.0 as recalled, gated: get it from huggingface.co/paige-ai/Virchow and read the card",
       pooling(gated(base(14, 1280, 32, 16, 3416)), Pooling::kClassAndMean),
       info_of(224, kImageNetMean, kImageNetStd, Interpolation::kBicubic)},
      {"virchow2", "", "Virchow2: ViT-H/14, SwiGLU, 4 registers, class token and mean of the patches",
       "CC BY-NC-ND 4.0 as recalled, gated: get it from huggingface.co/paige-ai/Virchow2 and read the card",
       pooling(with_registers(gated(base(14, 1280, 32, 16, 3416)), 4, 5), Pooling::kClassAndMean),
       info_of(224, kImageNetMean, kImageNetStd, Interpolation::kBicubic)},
      {"phikon", "", "Phikon: ViT-B/16 in transformers' names, class token",
       "Owkin non-commercial as recalled: get it from huggingface.co/owkin/phikon and read the card",
       named(base(16, 768, 12, 12, 3072), Naming::kTransformersVit, 1e-12), info_of(224, kImageNetMean, kImageNetStd)},
      {"phikon_v2", "phikonv2", "Phikon-v2: ViT-L/16 in transformers' Dinov2 names, class token",
       "Owkin non-commercial as recalled, gated: get it from huggingface.co/owkin/phikon-v2 and read the card",
       named(with_layer_scale(base(16, 1024, 24, 16, 4096)), Naming::kTransformersDinov2, 1e-6),
       info_of(224, kImageNetMean, kImageNetStd)},
      {"lunit-vits8", "lunit lunit_dino vit_small_patch8_224.lunit_dino", "Lunit DINO: ViT-S/8, class token",
       "CC BY-NC 4.0 as recalled: get it from huggingface.co/1aurent/vit_small_patch8_224.lunit_dino and read the card",
       base(8, 384, 12, 6, 1536), info_of(224, kLunitMean, kLunitStd, Interpolation::kBicubic)},
      {"hoptimus0", "h-optimus-0", "H-optimus-0: ViT-g/14, SwiGLU, 4 registers, class token",
       "Apache-2.0 as recalled, gated: get it from huggingface.co/bioptimus/H-optimus-0 and read the card",
       with_registers(gated(base(14, 1536, 40, 24, 4096)), 4, 0),
       info_of(224, kOptimusMean, kOptimusStd, Interpolation::kBicubic)},
      {"gigapath", "prov-gigapath", "Prov-GigaPath's tile encoder: ViT-g/16, SwiGLU, class token",
       "research use as recalled, gated: get it from huggingface.co/prov-gigapath/prov-gigapath and read the card",
       gated(base(16, 1536, 40, 24, 4096)), info_of(256, kImageNetMean, kImageNetStd, Interpolation::kBicubic)},
  }};
  return kRows;
}

}  // namespace

std::vector<EncoderRow> vit_rows() {
  std::vector<EncoderRow> table;
  for (const Row& row : rows()) {
    EncoderInfo info = row.info;
    info.name = row.name, info.dim = row.config.width();
    if (row.name == "gigapath") info.resize_px = 256;  // and the middle 224 of it
    const VitConfig& config = row.config;
    table.push_back({row.name, row.description, row.licence, info, [&config] { return vit_specs(config); },
                     [&config](StateDict state, const EncoderInfo& of) { return make_vit(config, state, of); },
                     vit_drops, row.aliases, &config});
  }
  return table;
}

}  // namespace fovea::models::encoder_detail
