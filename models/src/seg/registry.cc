// The segmentation networks, as an explicit table: a new network is one row here.
#include <array>
#include <string>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

#include "seg/agunet.h"

namespace fovea::models {

std::span<const SegRow> seg_models() {
  static const std::array<SegRow, 1> kRows{{
      {seg::kAgunetName, "U-Net with attention gates, input pyramid and deep supervision, 2-D or 3-D",
       "Bouget et al. 2021, Front. Radiol. 1:711514 (arXiv 2101.07715)",
       "filters=16,32,128,256,256 multi_scale=on deep_supervision=on attention=on classes=2", seg::agunet_recognise,
       seg::agunet_specs, seg::make_agunet, seg::agunet_from_anonymous},
  }};
  return kRows;
}

const SegRow& seg_model(std::string_view name) {
  std::string known;
  for (const SegRow& row : seg_models()) {
    if (row.name == name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorCode::kNotFound, std::string(name), "no segmentation network has this name",
              "Known: " + known + ".");
}

}  // namespace fovea::models
