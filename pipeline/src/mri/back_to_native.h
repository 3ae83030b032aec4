// Step 7: from the network's lattice to every voxel of the native volume.
#pragma once

#include <functional>
#include <stop_token>

#include "mri/crop.h"
#include "mri/grid.h"
#include "mri/resample.h"

namespace fovea::pipeline::mri {

/// How the network's lattice lies in the native volume.
struct Placement {
  Index3 native_size{0, 0, 0};
  Box crop;
  Affine crop_ras_from_index;  ///< of the cropped box's own indices
  Lattice lattice;             ///< the axis-aligned grid the crop was resampled to
  Index3 network_size{0, 0, 0};
};

/// `take(part, begin)`: a few planes of the crop and where they begin in the native volume.
using TakePart = std::function<void(const Grid& part, const Index3& begin)>;

/// `make(crop_from_part, size)` for a few planes of the crop at a time.
void in_parts(const Box& crop, const std::function<Grid(const Affine& crop_from_part, const Index3& size)>& make,
              const TakePart& take);

/// Nothing but the crop comes back, in parts of a few megabytes: a native volume may be a hundred million voxels large.
/// `kRaidionics`: corner-aligned resize to the lattice, then resampling, as published (half a voxel off towards the
/// borders). `kFovea`: one interpolation through the exact inverse of the half-pixel resize.
void to_native(const Grid& on_network, const Placement& placement, Compat compat, Interpolation interpolation,
               const TakePart& take, const std::stop_token& stop);

}  // namespace fovea::pipeline::mri
