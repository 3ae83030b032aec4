// AGUNet (Bouget et al. 2021): U-Net with an input pyramid, attention gates on the skips at every level and deep
// supervision. Without gates, pyramid and supervision it is a plain U-Net. reference/segmentation.md 3 and 5.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <fovea/models/segmentation.h>

#include "seg/layer_plan.h"

namespace fovea::models::seg {

inline constexpr std::string_view kAgunetName = "agunet";

Plan agunet_plan(const SegConfig& config);
std::vector<TensorSpec> agunet_specs(const SegConfig& config);
std::optional<SegConfig> agunet_recognise(const StateDict& state);
std::optional<StateDict> agunet_from_anonymous(const AnonymousLayers& layers);
std::unique_ptr<SegNetwork> make_agunet(const SegConfig& config, StateDict state);

}  // namespace fovea::models::seg
