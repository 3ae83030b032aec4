// Colours of labels: in result files, in pictures and on the screen.
#pragma once

#include <array>
#include <vector>

namespace fovea::pipeline::mri {

/// Distinct on grey and for colour-blind readers; the first is Fovea's lesion colour. 0..1.
inline const std::vector<std::array<double, 3>> kLabelColours{
    {0.92, 0.33, 0.22}, {0.20, 0.62, 0.92}, {0.98, 0.78, 0.20}, {0.30, 0.75, 0.45}, {0.72, 0.45, 0.90}};

}  // namespace fovea::pipeline::mri
