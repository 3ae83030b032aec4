// A slice-wise network over a volume: every slice of one or several planes, each at the pixel size the network knows.
// Slices and what the network makes of them stay at that size; only the way back has as many voxels as the volume.
#pragma once

#include <stop_token>
#include <vector>

#include "mri/back_to_native.h"
#include "mri/network_step.h"

namespace fovea::pipeline::mri {

/// The slices of one plane of a crop. Sizes are of [R][A][S] arrays.
struct SlicePlane {
  Plane plane = Plane::kAxial;
  Index3 crop{0, 0, 0};                              ///< of the crop, turned upright
  Index3 size{0, 0, 0};                              ///< of the slices at the network's pixel size
  std::int64_t canvas_width = 0, canvas_height = 0;  ///< of the network's input; slices lie in its middle
};

/// In-plane axes first, the axis across last, of an [R][A][S] array.
std::array<int, 3> plane_order(Plane plane);

/// `crop`: as it lies in the file; spacing as [R][A][S]. `divisor`: of the network's input.
SlicePlane slice_plane(Plane plane, const Index3& crop, const Canonical& canonical, const Vec3& spacing_mm,
                       const Preprocessing& preprocessing, std::int64_t divisor);

/// A grid as it lies in the file, brought to `size` along R, A and S (Gaussian prefilter where it shrinks), upright.
Grid upright_at(const Grid& grid, const Canonical& canonical, const Index3& size);

/// Below this a voxel of the channel may be air.
double air_level(const Grid& channel);

/// `slices`: upright_at() of each channel of the first plane, then of the next. A slice is centred on the network's
/// canvas and z-scored; slices that hold no more than air are 0 without asking the network. One upright grid of each
/// foreground class of the first plane, then of the next.
std::vector<Grid> run_slices(const models::SegNetwork& network, const std::vector<Grid>& slices,
                             const std::vector<SlicePlane>& planes, const Preprocessing& preprocessing,
                             double air_level, const Advance& advance);

/// One foreground class of all planes, averaged, on the crop in parts.
void slices_to_native(const std::vector<Grid>& of_planes, const std::vector<SlicePlane>& planes,
                      const Canonical& canonical, const Box& crop, const TakePart& take, const std::stop_token& stop);

/// The plane of the slices as they were acquired where one spacing is above 1.5 times the others' smallest; else all
/// planes that the network was trained on, or the axial one when the model does not tell.
std::vector<Plane> choose_planes(const Vec3& spacing_mm, const Preprocessing& preprocessing);

}  // namespace fovea::pipeline::mri
