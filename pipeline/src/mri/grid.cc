#include "mri/grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <tbb/parallel_for.h>

namespace fovea::pipeline::mri {

Affine inverse(const Affine& affine) {
  const auto& m = affine.linear;
  const auto cofactor = [&](std::size_t r0, std::size_t r1, std::size_t c0, std::size_t c1) {
    return m[3 * r0 + c0] * m[3 * r1 + c1] - m[3 * r0 + c1] * m[3 * r1 + c0];
  };
  const double det = m[0] * cofactor(1, 2, 1, 2) - m[1] * cofactor(1, 2, 0, 2) + m[2] * cofactor(1, 2, 0, 1);
  Affine result;
  result.linear = {cofactor(1, 2, 1, 2) / det,  -cofactor(0, 2, 1, 2) / det, cofactor(0, 1, 1, 2) / det,
                   -cofactor(1, 2, 0, 2) / det, cofactor(0, 2, 0, 2) / det,  -cofactor(0, 1, 0, 2) / det,
                   cofactor(1, 2, 0, 1) / det,  -cofactor(0, 2, 0, 1) / det, cofactor(0, 1, 0, 1) / det};
  const Vec3 moved = result(affine.offset);
  result.offset = {-moved[0], -moved[1], -moved[2]};
  return result;
}

Affine compose(const Affine& outer, const Affine& inner) {
  Affine result;
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += outer.linear[3 * r + k] * inner.linear[3 * k + c];
      result.linear[3 * r + c] = sum;
    }
  result.offset = outer(inner.offset);
  return result;
}

Affine scaling(const Vec3& scale, const Vec3& offset) {
  return {{scale[0], 0, 0, 0, scale[1], 0, 0, 0, scale[2]}, offset};
}

Affine ras_from_index(const io::Geometry& geometry) {
  Affine affine;
  for (std::size_t r = 0; r < 3; ++r) {
    const double sign = r < 2 ? -1 : 1;
    for (std::size_t c = 0; c < 3; ++c)
      affine.linear[3 * r + c] = sign * geometry.direction[3 * r + c] * geometry.spacing_mm[c];
    affine.offset[r] = sign * geometry.origin_mm[r];
  }
  return affine;
}

Affine lps_from_index(const io::Geometry& g) {
  Affine affine;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) affine.linear[3 * r + c] = g.direction[3 * r + c] * g.spacing_mm[c];
    affine.offset[r] = g.origin_mm[r];
  }
  return affine;
}

Box whole(const Index3& size) {
  return {{0, 0, 0}, size};
}

Grid cut(const Grid& grid, const Box& box) {
  Grid part(box.size());
  for (std::int64_t z = 0; z < part.size[2]; ++z)
    for (std::int64_t y = 0; y < part.size[1]; ++y)
      std::copy_n(
          grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(box.begin[0], box.begin[1] + y, box.begin[2] + z)),
          part.size[0], part.values.begin() + static_cast<std::ptrdiff_t>(part.at(0, y, z)));
  return part;
}

Grid paste(const Grid& part, const Box& box, const Index3& size) {
  Grid grid(size);
  for (std::int64_t z = 0; z < part.size[2]; ++z)
    for (std::int64_t y = 0; y < part.size[1]; ++y)
      std::copy_n(
          part.values.begin() + static_cast<std::ptrdiff_t>(part.at(0, y, z)), part.size[0],
          grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(box.begin[0], box.begin[1] + y, box.begin[2] + z)));
  return grid;
}

Grid centred(const Grid& grid, const Index3& size) {
  if (grid.size == size) return grid;
  Box from, to;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t margin = size[a] - grid.size[a], length = std::min(size[a], grid.size[a]);
    from.begin[a] = margin < 0 ? -margin / 2 : 0, from.end[a] = from.begin[a] + length;
    to.begin[a] = margin > 0 ? margin / 2 : 0, to.end[a] = to.begin[a] + length;
  }
  return paste(cut(grid, from), to, size);
}

Grid permuted(const Grid& grid, const std::array<int, 3>& axes) {
  const auto axis = [&](int a) { return static_cast<std::size_t>(axes[static_cast<std::size_t>(a)]); };
  const Index3 stride{1, grid.size[0], grid.size[0] * grid.size[1]};
  Grid result({grid.size[axis(0)], grid.size[axis(1)], grid.size[axis(2)]});
  const std::int64_t step[3] = {stride[axis(0)], stride[axis(1)], stride[axis(2)]};
  tbb::parallel_for(std::int64_t{0}, result.size[2], [&](std::int64_t z) {
    for (std::int64_t y = 0; y < result.size[1]; ++y) {
      const float* source = grid.values.data() + z * step[2] + y * step[1];
      float* target = result.values.data() + result.at(0, y, z);
      for (std::int64_t x = 0; x < result.size[0]; ++x) target[x] = source[x * step[0]];
    }
  });
  return result;
}

std::array<int, 3> inverse_order(const std::array<int, 3>& axes) {
  std::array<int, 3> inverse{};
  for (int a = 0; a < 3; ++a) inverse[static_cast<std::size_t>(axes[static_cast<std::size_t>(a)])] = a;
  return inverse;
}

Canonical canonical_axes(const Affine& affine) {
  // All six assignments are tried: a greedy choice can give one axis to two directions at 45 degrees.
  std::array<double, 9> cosine{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double length = std::hypot(affine.linear[c], affine.linear[3 + c], affine.linear[6 + c]);
    for (std::size_t r = 0; r < 3; ++r) cosine[3 * r + c] = affine.linear[3 * r + c] / length;
  }
  std::array<int, 3> order{0, 1, 2}, best = order;
  double best_fit = -1;
  do {
    double fit = 0;
    for (std::size_t r = 0; r < 3; ++r) fit += std::abs(cosine[3 * r + static_cast<std::size_t>(order[r])]);
    if (fit > best_fit + 1e-9) best_fit = fit, best = order;
  } while (std::next_permutation(order.begin(), order.end()));
  Canonical canonical;
  canonical.axis = best;
  for (std::size_t r = 0; r < 3; ++r) canonical.flipped[r] = cosine[3 * r + static_cast<std::size_t>(best[r])] < 0;
  return canonical;
}

namespace {

void flip(Grid& grid, const std::array<bool, 3>& flipped) {
  const auto [nx, ny, nz] = grid.size;
  for (std::int64_t z = 0; z < nz; ++z)
    for (std::int64_t y = 0; y < ny; ++y) {
      const auto row = grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(0, y, z));
      if (flipped[0]) std::reverse(row, row + nx);
    }
  if (flipped[1])
    for (std::int64_t z = 0; z < nz; ++z)
      for (std::int64_t y = 0; y < ny / 2; ++y) {
        const auto row = grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(0, y, z));
        std::swap_ranges(row, row + nx, grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(0, ny - 1 - y, z)));
      }
  if (flipped[2])
    for (std::int64_t z = 0; z < nz / 2; ++z) {
      const auto plane = grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(0, 0, z));
      std::swap_ranges(plane, plane + nx * ny,
                       grid.values.begin() + static_cast<std::ptrdiff_t>(grid.at(0, 0, nz - 1 - z)));
    }
}

}  // namespace

Grid to_canonical(const Grid& grid, const Canonical& order) {
  Grid result = permuted(grid, order.axis);
  flip(result, order.flipped);
  return result;
}

Grid from_canonical(const Grid& grid, const Canonical& order) {
  Grid turned = grid;
  flip(turned, order.flipped);
  return permuted(turned, inverse_order(order.axis));
}

}  // namespace fovea::pipeline::mri
