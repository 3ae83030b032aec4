// The tile encoders, as an explicit table: a new encoder is one row here, a vision transformer one in vit_rows.cc.
#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/models/encoder.h>

#include "encoder/efficientnet_lite0.h"
#include "encoder/resnet50_trunc.h"
#include "encoder/vit_rows.h"

namespace fovea::models {
namespace {

constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073},
    kClipStd{0.26862954, 0.26130258, 0.27577711};

EncoderRow through_torchscript(std::string_view name, std::string_view aliases, std::string_view description,
                               std::string_view licence, EncoderInfo info) {
  info.name = name;
  return {name, description, licence, std::move(info), {}, {}, {}, aliases};
}

std::vector<EncoderRow> all_rows() {
  std::vector<EncoderRow> rows{
      {"efficientnet_lite0",
       "EfficientNet-Lite0 trained on ImageNet: features for demonstrations and tests, not made for pathology",
       "Apache-2.0", encoder_detail::efficientnet_lite0_info(), encoder_detail::efficientnet_lite0_specs,
       encoder_detail::make_efficientnet_lite0, encoder_detail::efficientnet_lite0_drops, ""},
      {"resnet50_trunc", "ResNet-50 through layer3 and the global average, trained on ImageNet: CLAM's first encoder",
       "BSD-3 as recalled: torchvision's IMAGENET1K_V1 weights", encoder_detail::resnet50_trunc_info(),
       encoder_detail::resnet50_trunc_specs, encoder_detail::make_resnet50_trunc, encoder_detail::resnet50_trunc_drops,
       "resnet50"},
  };
  for (EncoderRow& row : encoder_detail::vit_rows()) rows.push_back(std::move(row));
  const auto& mean = kImageNetMean;
  const auto& std = kImageNetStd;
  rows.push_back(through_torchscript(
      "ctranspath", "", "CTransPath: Swin-T with a convolutional stem; through TorchScript (docs/encoders.md)",
      "GPL-3 as recalled: read the card",
      {.dim = 768, .tile_px = 256, .mpp = 0.5, .mean = mean, .std = std, .input_px = 224}));
  rows.push_back(through_torchscript(
      "conch_v1", "conch", "CONCH: ViT-B/16 with attention pooling; through TorchScript (docs/encoders.md)",
      "CC BY-NC-ND 4.0 as recalled, gated: get it from huggingface.co/MahmoodLab/CONCH and read the card",
      {.dim = 512, .tile_px = 512, .mpp = 0.5, .mean = kClipMean, .std = kClipStd, .input_px = 448}));
  rows.push_back(through_torchscript(
      "conch_v15", "conch1.5 conchv1_5", "CONCH v1.5: ViT-L/16 at 448 pixels; through TorchScript (docs/encoders.md)",
      "CC BY-NC-ND 4.0 as recalled, gated: get it from huggingface.co/MahmoodLab/TITAN and read the card",
      {.dim = 768, .tile_px = 512, .mpp = 0.5, .mean = mean, .std = std, .input_px = 448}));
  return rows;
}

/// "UNI2-h" and "uni2_h" are one name.
std::string plain(std::string_view name) {
  std::string letters;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)))
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

}  // namespace

std::span<const EncoderRow> encoders() {
  static const std::vector<EncoderRow> kRows = all_rows();
  return kRows;
}

const EncoderRow* find_encoder(std::string_view name) {
  const std::string wanted = plain(name);
  for (const EncoderRow& row : encoders()) {
    if (plain(row.name) == wanted) return &row;
    std::istringstream aliases{std::string(row.aliases)};
    for (std::string alias; aliases >> alias;)
      if (plain(alias) == wanted) return &row;
  }
  return nullptr;
}

const EncoderRow& encoder(std::string_view name) {
  std::string known;
  for (const EncoderRow& row : encoders()) {
    if (row.name == name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorCode::kNotFound, std::string(name), "no tile encoder has this name", "Known: " + known + ".");
}

StateDict without_dropped(const EncoderRow& row, const StateDict& given) {
  StateDict kept;
  for (const auto& [name, tensor] : given) {
    if (!row.drops || !row.drops(name)) kept.emplace(name, tensor);
  }
  return kept;
}

}  // namespace fovea::models
