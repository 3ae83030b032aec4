// How far every voxel is from the nearest marked one: exact, in mm, on anisotropic grids.
#pragma once

#include <vector>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Euclidean distance in mm from each voxel centre to the nearest centre of a marked voxel; infinity where nothing is
/// marked. Lower envelopes of parabolas, axis by axis (Felzenszwalb and Huttenlocher 2012): linear in the voxels.
std::vector<double> distances_to(const std::vector<bool>& marked, const Index3& size, const Vec3& spacing_mm);

}  // namespace fovea::pipeline::mri
