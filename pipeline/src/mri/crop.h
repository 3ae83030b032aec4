// Where the head is: the box of native voxels that goes to the network.
#pragma once

#include <string>

#include "mri/grid.h"
#include "mri/preprocessing.h"

namespace fovea::pipeline::mri {

enum class Compat { kFovea, kRaidionics };

/// Box of the voxels at or above a fifth of the intensity range. Ours counts from the minimum; the published pipeline
/// takes int(0.2 * (max - min)) as an absolute value, so that a volume scaled to [0, 1] is not cropped. (It also fills
/// holes, which cannot change the box.) Error(kNoTissue) for a constant volume.
Box foreground_box(const Grid& volume, Compat compat, const std::string& subject);

/// Voxels of the mask (> 0) inside the bounding box of its largest 6-connected component, as the published pipeline
/// takes them.
struct BrainMask {
  Box box;
  std::vector<bool> inside;  ///< one per voxel of the volume
};
/// Error(kNoTissue) for an empty mask. The caller has checked that the grids agree.
BrainMask brain_mask(const Grid& mask, const std::string& subject);

/// Zero outside the mask; `part` is the mask's box of a volume of `size`.
void keep_inside(Grid& part, const Index3& size, const BrainMask& mask);

}  // namespace fovea::pipeline::mri
