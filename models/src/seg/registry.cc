// The segmentation networks, as an explicit table: a new network is one row here.
#include <array>
#include <string>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

#include "seg/agunet.h"
#include "seg/daunet.h"
#include "seg/upattllstm.h"

namespace fovea::models {

std::span<const SegRow> seg_models() {
  static const std::array<SegRow, 3> kRows{{
      {seg::kAgunetName, "U-Net with attention gates, input pyramid and deep supervision, 2-D or 3-D",
       "Bouget et al. 2021, Front. Radiol. 1:711514 (arXiv 2101.07715)",
       "filters=16,32,128,256,256 multi_scale=on deep_supervision=on attention=on classes=2", seg::agunet_recognise,
       seg::agunet_specs, seg::make_agunet, seg::agunet_from_anonymous},
      {seg::kDaunetName, "U-Net with position and channel attention at the bottom that guides the decoder, 2-D or 3-D",
       "Bouget et al. 2021, Front. Radiol. 1:711514 (arXiv 2101.07715)",
       "filters=16,32,128,256 multi_scale=on deep_supervision=on guided=on classes=2", seg::daunet_recognise,
       seg::daunet_specs, seg::make_daunet, seg::daunet_from_anonymous,
       "the public DAUNet code never saved the projections of its position attention: both attentions are switched off "
       "(gamma 0), so that published figures cannot be reproduced with this file"},
      {seg::kUpattName,
       "recurrent network over slices with attention over whichever modalities there are (our reconstruction)",
       "after Vargas-Ibarra et al. 2026, arXiv 2604.00817",
       "filters=16,32,64,128,128 channels=4 classes=2",
       seg::upatt_recognise,
       seg::upatt_specs,
       seg::make_upatt,
       {},
       {},
       false},
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
