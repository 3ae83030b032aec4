// DAUNet (Bouget et al. 2021): U-Net with position and channel attention at the bottom, whose sum may guide every level
// of the decoder. reference/segmentation.md 4 and 5.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <fovea/models/segmentation.h>

#include "seg/layer_plan.h"

namespace fovea::models::seg {

inline constexpr std::string_view kDaunetName = "daunet";

Plan daunet_plan(const SegConfig& config);
std::vector<TensorSpec> daunet_specs(const SegConfig& config);
std::optional<SegConfig> daunet_recognise(const StateDict& state);
std::optional<StateDict> daunet_from_anonymous(const AnonymousLayers& layers);
std::unique_ptr<SegNetwork> make_daunet(const SegConfig& config, StateDict state);

}  // namespace fovea::models::seg
