// N4: the slow change of brightness across a head that coils leave, found and divided out.
#pragma once

#include <fovea/io/volume.h>

#include "mri/brain/morphology.h"

namespace fovea::pipeline::mri {

/// In place; values outside `head` are divided by the same smooth field. Tustison et al. 2010 through ITK: voxels
/// joined to 4 mm or more, four levels of 50 iterations. False, and nothing done, when more than 1 % of `head` lies
/// below 0 (N4 takes logarithms) or when it is too small to tell. The same bits whatever the number of threads. ITK
/// stays inside bias_correction.cc.
bool correct_bias(io::Volume& volume, const Mask& head);

}  // namespace fovea::pipeline::mri
