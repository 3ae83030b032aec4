// Masks grown, shrunk, filled and reduced to one piece, in millimetres.
#pragma once

#include <cstdint>
#include <vector>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// One byte a voxel, 0 or 1, in the order of a Grid.
struct Mask {
  Index3 size{0, 0, 0};
  std::vector<std::uint8_t> values;
  std::int64_t count() const;
};

Mask grown(const Mask& mask, const Vec3& spacing_mm, double mm);   ///< all voxels within `mm` of one inside
Mask shrunk(const Mask& mask, const Vec3& spacing_mm, double mm);  ///< those further than `mm` from any outside
/// The largest 26-connected piece; nothing of nothing.
Mask largest_piece(const Mask& mask);
/// With what the outside cannot reach through faces.
Mask filled(const Mask& mask);

}  // namespace fovea::pipeline::mri
