// A slice-wise network over a volume: every slice of one or several planes, each at the pixel size the network knows.
#pragma once

#include <vector>

#include "mri/network_step.h"

namespace fovea::pipeline::mri {

/// Channels as [R][A][S] arrays of one grid with these spacings. A slice is brought to the network's pixel size
/// (Gaussian prefilter where it shrinks), centred on the network's canvas (larger where the head does not fit) and
/// z-scored; slices that hold no more than air are 0 without asking the network. The probabilities of several planes
/// are averaged. One grid a class.
std::vector<Grid> run_slices(const models::SegNetwork& network, const std::vector<Grid>& channels,
                             const Vec3& spacing_mm, const Preprocessing& preprocessing,
                             const std::vector<Plane>& planes, const Advance& advance);

/// The plane of the slices as they were acquired where one spacing is above 1.5 times the others' smallest; else all
/// planes that the network was trained on, or the axial one when the model does not tell.
std::vector<Plane> choose_planes(const Vec3& spacing_mm, const Preprocessing& preprocessing);

}  // namespace fovea::pipeline::mri
