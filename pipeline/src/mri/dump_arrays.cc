#include "mri/dump_arrays.h"

#include <algorithm>

namespace fovea::pipeline::mri {

io::Array array_of(const Grid& grid) {
  return io::make_array<float>(permuted(grid, {2, 1, 0}).values, {grid.size[0], grid.size[1], grid.size[2]});
}

io::Array array_of(const std::vector<Grid>& grids) {
  const Index3 size = grids.front().size;
  const std::size_t count = grids.size();
  std::vector<float> values(static_cast<std::size_t>(product(size)) * count);
  for (std::size_t c = 0; c < count; ++c) {
    const Grid turned = permuted(grids[c], {2, 1, 0});
    for (std::size_t i = 0; i < turned.values.size(); ++i) values[i * count + c] = turned.values[i];
  }
  return io::make_array<float>(values, {size[0], size[1], size[2], static_cast<std::int64_t>(count)});
}

io::Array array_of(const std::vector<std::uint8_t>& labels, const Index3& size) {
  Grid grid(size);
  std::copy(labels.begin(), labels.end(), grid.values.begin());
  const Grid turned = permuted(grid, {2, 1, 0});
  std::vector<std::uint8_t> values(turned.values.size());
  std::transform(turned.values.begin(), turned.values.end(), values.begin(),
                 [](float v) { return static_cast<std::uint8_t>(v); });
  return io::make_array<std::uint8_t>(values, {size[0], size[1], size[2]});
}

io::Array array_of(const Affine& affine) {
  std::vector<double> values;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) values.push_back(affine.linear[3 * r + c]);
    values.push_back(affine.offset[r]);
  }
  values.insert(values.end(), {0, 0, 0, 1});
  return io::make_array<double>(values, {4, 4});
}

}  // namespace fovea::pipeline::mri
