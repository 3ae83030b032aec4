#include "mri/test_time.h"

#include <algorithm>

namespace fovea::pipeline::mri {

std::vector<Flip> flips_of(TestTime augmentation, std::optional<std::size_t> across) {
  if (augmentation == TestTime::kNone) return {Flip{}};
  std::vector<Flip> flips;
  for (std::size_t axes = 0; axes < 8; ++axes) {
    const Flip flip{(axes & 1) != 0, (axes & 2) != 0, (axes & 4) != 0};
    if (augmentation == TestTime::kMirror && axes > 1) break;
    if (!across || !flip[*across]) flips.push_back(flip);
  }
  return flips;
}

Grid flipped(const Grid& grid, const Flip& axes) {
  Grid result(grid.size);
  const auto& [nx, ny, nz] = grid.size;
  for (std::int64_t z = 0; z < nz; ++z)
    for (std::int64_t y = 0; y < ny; ++y) {
      const float* from = grid.values.data() + grid.at(0, axes[1] ? ny - 1 - y : y, axes[2] ? nz - 1 - z : z);
      float* to = result.values.data() + result.at(0, y, z);
      if (axes[0])
        std::reverse_copy(from, from + nx, to);
      else
        std::copy(from, from + nx, to);
    }
  return result;
}

}  // namespace fovea::pipeline::mri
