// Arrays on a lattice in space: the common value of every step between a file and the network.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <fovea/io/volume.h>

namespace fovea::pipeline::mri {

using Index3 = std::array<std::int64_t, 3>;
using Vec3 = std::array<double, 3>;

inline std::int64_t product(const Index3& size) {
  return size[0] * size[1] * size[2];
}

/// p = linear * i + offset; `linear` is row-major.
struct Affine {
  std::array<double, 9> linear{1, 0, 0, 0, 1, 0, 0, 0, 1};
  Vec3 offset{0, 0, 0};

  Vec3 operator()(const Vec3& i) const {
    Vec3 p = offset;
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 3; ++c) p[r] += linear[3 * r + c] * i[c];
    return p;
  }
};
Affine inverse(const Affine& affine);
/// outer(inner(i)).
Affine compose(const Affine& outer, const Affine& inner);
Affine scaling(const Vec3& scale, const Vec3& offset);

/// Index -> RAS mm. The two conventions differ by the sign of x and y alone, so the array stays as it lies in memory.
Affine ras_from_index(const io::Geometry& geometry);
/// Index -> LPS mm: the geometry itself.
Affine lps_from_index(const io::Geometry& geometry);

/// `values[(z * size[1] + y) * size[0] + x]`: the order of files and of io::Volume.
struct Grid {
  Index3 size{0, 0, 0};
  std::vector<float> values;

  Grid() = default;
  explicit Grid(const Index3& s, float fill = 0) : size(s), values(static_cast<std::size_t>(product(s)), fill) {}
  std::size_t at(std::int64_t x, std::int64_t y, std::int64_t z) const {
    return static_cast<std::size_t>((z * size[1] + y) * size[0] + x);
  }
};

/// A box of voxels, `end` exclusive.
struct Box {
  Index3 begin{0, 0, 0}, end{0, 0, 0};
  Index3 size() const { return {end[0] - begin[0], end[1] - begin[1], end[2] - begin[2]}; }
  bool operator==(const Box&) const = default;
};
Box whole(const Index3& size);
Grid cut(const Grid& grid, const Box& box);
/// A grid of `size`, zero but for `part` at `box`.
Grid paste(const Grid& part, const Box& box, const Index3& size);

/// Cut or padded with zeros about its middle; where that is not exact, the spare voxel lies behind.
Grid centred(const Grid& grid, const Index3& size);

/// Same values in the axis order `axes`: result axis a is `grid` axis axes[a].
Grid permuted(const Grid& grid, const std::array<int, 3>& axes);
std::array<int, 3> inverse_order(const std::array<int, 3>& axes);

/// For each world axis R, A, S: which index axis runs along it, and whether against it. One-to-one, best total fit
/// first.
struct Canonical {
  std::array<int, 3> axis{0, 1, 2};
  std::array<bool, 3> flipped{false, false, false};
};
Canonical canonical_axes(const Affine& ras_from_index);
/// Array reordered to [R][A][S] without interpolation, and back.
Grid to_canonical(const Grid& grid, const Canonical& order);
Grid from_canonical(const Grid& grid, const Canonical& order);

}  // namespace fovea::pipeline::mri
