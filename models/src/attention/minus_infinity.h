// The score of what may not be attended.
#pragma once

#include <limits>

namespace fovea::attention {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

}  // namespace fovea::attention
