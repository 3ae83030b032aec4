// How high an attention score can be, whatever the instance: what an unseen instance could still take.
#pragma once

#include <optional>
#include <vector>

#include <fovea/models/mil.h>

namespace fovea::models {

/// For every attention map, s <= b + sum_a |w_a|: tanh lies in [-1, 1] and the sigmoid gate in [0, 1], so that each
/// hidden unit adds at most |w_a|. Gated and plain tanh attention (ABMIL, ACMIL-GA, CLAM) have this bound; nothing for
/// models whose scores grow with the instance.
std::optional<std::vector<double>> score_upper_bounds(const MilModel& model);

}  // namespace fovea::models
