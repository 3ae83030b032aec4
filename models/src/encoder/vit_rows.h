// The published pathology encoders that are vision transformers: a row of facts each.
#pragma once

#include <vector>

#include <fovea/models/encoder.h>

namespace fovea::models::encoder_detail {

std::vector<EncoderRow> vit_rows();

}  // namespace fovea::models::encoder_detail
