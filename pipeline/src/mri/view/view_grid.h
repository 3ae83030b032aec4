// A file's lattice turned into the display's: axis order and direction only.
#pragma once

#include <fovea/pipeline/volume_view.h>

namespace fovea::pipeline::mri {

ViewGrid view_grid(const io::Geometry& file);

/// `put(display index, file index)` for every voxel, both linear; in the order of the display.
template <class Put>
void for_each_voxel(const ViewGrid& grid, const io::Geometry& file, const Put& put) {
  const ViewIndex stride{1, file.size[0], file.size[0] * file.size[1]};
  ViewIndex step{};
  std::int64_t first = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    const auto from = static_cast<std::size_t>(grid.axes.axis[a]);
    step[a] = grid.axes.flipped[a] ? -stride[from] : stride[from];
    if (grid.axes.flipped[a]) first += stride[from] * (file.size[from] - 1);
  }
  std::size_t to = 0;
  for (std::int64_t k = 0; k < grid.geometry.size[2]; ++k)
    for (std::int64_t j = 0; j < grid.geometry.size[1]; ++j) {
      std::int64_t from = first + k * step[2] + j * step[1];
      for (std::int64_t i = 0; i < grid.geometry.size[0]; ++i, from += step[0])
        put(to++, static_cast<std::size_t>(from));
    }
}

}  // namespace fovea::pipeline::mri
