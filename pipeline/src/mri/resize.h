// From one voxel count to another over the same box, axis by axis.
#pragma once

#include <vector>

#include "mri/grid.h"
#include "mri/resample.h"

namespace fovea::pipeline::mri {

enum class Alignment {
  kHalfPixel,  ///< src = (dst + 0.5) * in / out - 0.5, mirrored at the border: voxel boxes coincide (scikit-image)
  kCorners     ///< src = dst * (in - 1) / (out - 1): first and last voxel centres coincide (scipy's zoom)
};

/// Index among `from` voxels an axis -> index among `to` voxels over the same box, half-pixel.
Affine over_same_box(const Index3& from, const Index3& to);

Grid resize(const Grid& grid, const Index3& size, Alignment alignment, Interpolation interpolation);

/// Gaussian of `sigma` voxels per axis (0 = none), cut at 4 sigma, mirrored at the border without repeating the edge.
Grid smooth(const Grid& grid, const Vec3& sigma);

/// What scikit-image's resize does: smoothed by sigma (in / out - 1) / 2 along shrinking axes, then half-pixel resize.
Grid resize_antialiased(const Grid& grid, const Index3& size, Interpolation interpolation);

}  // namespace fovea::pipeline::mri
