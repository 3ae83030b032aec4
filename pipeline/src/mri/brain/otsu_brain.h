// Brain extraction without weights: grey values and shape alone (reference/mri-io.md 6).
#pragma once

#include <array>
#include <vector>

#include "mri/brain/morphology.h"

namespace fovea::pipeline::mri {

/// The two thresholds that part `values` into the three classes of largest variance between them, over 128 bins.
std::array<double, 2> otsu_thresholds(const std::vector<float>& values);

/// What is brighter than the darkest of three classes.
Mask otsu_foreground(const io::Volume& volume);

/// That, shrunk by 6 mm until the scalp lets go, the largest piece of it
/// grown back, closed and filled.
Mask otsu_brain(const io::Volume& volume);

}  // namespace fovea::pipeline::mri
