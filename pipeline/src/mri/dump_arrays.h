// Intermediates as arrays in the layout of the e2e fixtures: [X][Y][Z], z fastest, classes last.
#pragma once

#include <cstdint>
#include <vector>

#include <fovea/io/array.h>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

io::Array array_of(const Grid& grid);
/// Side by side: [X][Y][Z][C].
io::Array array_of(const std::vector<Grid>& grids);
io::Array array_of(const std::vector<std::uint8_t>& labels, const Index3& size);
/// 4 x 4.
io::Array array_of(const Affine& affine);

}  // namespace fovea::pipeline::mri
