// Test-time augmentation: the network sees the volume and its mirror images, and what it says of each is turned back.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

enum class TestTime {
  kNone,
  kMirror,  ///< left and right alone: 2 runs
  kFlips    ///< every axis: 8 runs, 4 for slices of one plane
};

using Flip = std::array<bool, 3>;  ///< axes R, A, S that are reversed

/// None first. `across`: an axis whose reversal the network would not notice, as it sees slice by slice.
std::vector<Flip> flips_of(TestTime augmentation, std::optional<std::size_t> across);

Grid flipped(const Grid& grid, const Flip& axes);

}  // namespace fovea::pipeline::mri
