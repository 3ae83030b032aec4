// One lattice to another through space: trilinear or nearest, nothing invented outside.
#pragma once

#include <stop_token>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

enum class Interpolation { kLinear, kNearest };
enum class Outside {
  kZero,      ///< any sample outside the box of voxel centres is 0 (scipy's `constant`): the published pipeline
  kHalfVoxel  ///< the outermost half voxel belongs to the image; beyond it 0
};

/// An axis-aligned RAS lattice around the 8 corner voxel centres: origin at the least corner, ceil(extent / spacing) +
/// 1 voxels. Error(kOutOfMemory) when it would hold more than `max_voxels`.
struct Lattice {
  Index3 size{0, 0, 0};
  Affine ras_from_index;
};
Lattice axis_aligned_lattice(const Index3& size, const Affine& ras_from_index, const Vec3& spacing_mm,
                             double max_voxels = 1 << 30);

/// value(o) = source(source_from_target(o)).
Grid resample(const Grid& source, const Affine& source_from_target, const Index3& target_size,
              Interpolation interpolation, Outside outside, const std::stop_token& stop = {});

}  // namespace fovea::pipeline::mri
