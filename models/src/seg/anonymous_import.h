// Anonymous layers to canonical names: the one layout of a network that explains every shape. reference/segmentation.md
// 5.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <fovea/models/segmentation.h>

#include "seg/layer_plan.h"

namespace fovea::models::seg {

/// The first of the `layouts` (switches and number of levels set, widths of no meaning) whose plan explains all layers,
/// in canonical names; nothing when none does. What files do not hold (projections, scales) is filled with zeros.
std::optional<StateDict> named_layers(const AnonymousLayers& layers, const std::vector<SegConfig>& layouts,
                                      const std::function<Plan(const SegConfig&)>& plan,
                                      const std::function<bool(const SegConfig&)>& plausible);

}  // namespace fovea::models::seg
