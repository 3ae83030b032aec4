// ResNet-50 up to layer3, then the global average: CLAM's 1024 features. Names of torchvision and timm.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <fovea/models/encoder.h>

namespace fovea::models::encoder_detail {

EncoderInfo resnet50_trunc_info();
std::vector<TensorSpec> resnet50_trunc_specs();
bool resnet50_trunc_drops(std::string_view name);
std::unique_ptr<TileEncoder> make_resnet50_trunc(StateDict state, const EncoderInfo& info);

}  // namespace fovea::models::encoder_detail
