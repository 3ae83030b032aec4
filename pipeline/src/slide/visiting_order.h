// In which order a live prediction looks at tiles: coarse to fine, spread over the tissue, the same in every run.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fovea::pipeline::slide {

/// A permutation of 0..N-1. Tiles are lined up along a Z-curve through the grid and taken by the bit-reversed number of
/// their place, so that the first 2^k tiles come one from each 2^k-th of the curve: whatever share has been seen, it is
/// spread evenly over the tissue that there is, not over empty glass. `coords`: 2N level-0 corners, or empty (then the
/// rows' own order is the curve). `step_px`: distance of neighbouring tiles on level 0.
std::vector<std::int64_t> visiting_order(std::span<const std::int64_t> coords, std::int64_t count, double step_px);

/// The corners of some tiles, in the order given. `coords`: 2N level-0 corners.
std::vector<std::int64_t> corners_of(std::span<const std::int64_t> coords, std::span<const std::int64_t> tiles);

}  // namespace fovea::pipeline::slide
