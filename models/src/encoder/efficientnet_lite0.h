// EfficientNet-Lite0 without its classifier: 224 px RGB tile -> 1280 features. reference/wsi.md 4.2.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <fovea/models/encoder.h>

namespace fovea::models::encoder_detail {

EncoderInfo efficientnet_lite0_info();
std::vector<TensorSpec> efficientnet_lite0_specs();
bool efficientnet_lite0_drops(std::string_view name);
std::unique_ptr<TileEncoder> make_efficientnet_lite0(StateDict state, const EncoderInfo& info);

}  // namespace fovea::models::encoder_detail
