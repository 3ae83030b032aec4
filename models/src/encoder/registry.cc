// The tile encoders, as an explicit table: a new encoder is one row here.
#include <array>
#include <string>

#include <fovea/base/error.h>
#include <fovea/models/encoder.h>

#include "encoder/efficientnet_lite0.h"

namespace fovea::models {

std::span<const EncoderRow> encoders() {
  static const std::array<EncoderRow, 1> kRows{{
      {"efficientnet_lite0",
       "EfficientNet-Lite0 trained on ImageNet: features for demonstrations and tests, not made for pathology",
       "Apache-2.0", encoder_detail::efficientnet_lite0_info(), encoder_detail::efficientnet_lite0_specs,
       encoder_detail::make_efficientnet_lite0, encoder_detail::efficientnet_lite0_drops},
  }};
  return kRows;
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
