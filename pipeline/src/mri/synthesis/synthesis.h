// Small targets drawn into real volumes: data with a known answer where no labelled images are to be had (thrombus.md 6
// and 7). Not a substitute for patients: what a network learns here it has to show again on them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

struct SynthesisOptions {
  std::int64_t least = 1, most = 2;  ///< targets a case
  std::pair<double, double> volume_mm3{20, 150};
  std::vector<double> contrast;  ///< one a modality, in standard deviations of its brain voxels; negative:
                                 ///< darker than its surroundings
  double visibility = 0.7;       ///< probability that a target shows in a modality; it shows in one at least
  double variation = 0.3;        ///< contrasts differ by up to this share
};

struct Target {
  Vec3 centre_index{};
  Vec3 half_axes_mm{};
  double volume_mm3 = 0;
  std::vector<bool> visible;  ///< one a modality
};

struct Synthetic {
  std::vector<Grid> channels;
  std::vector<std::uint8_t> label;
  std::vector<Target> targets;
};

/// Ellipsoids of any direction, blurred over a voxel as a scanner would, inside `allowed` voxels and apart from each
/// other. `spacing_mm` of the grids. Fewer targets than `least` only where there is no room. The same seed draws the
/// same.
Synthetic synthesise(std::vector<Grid> channels, const Vec3& spacing_mm, const std::vector<bool>& allowed,
                     const SynthesisOptions& options, std::uint64_t seed);

}  // namespace fovea::pipeline::mri
