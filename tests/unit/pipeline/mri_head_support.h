// A drawn head with structures of its own on either side, in any contrast and on any grid; and rigid moves of it.
#pragma once

#include <array>
#include <cmath>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Turned about x, y and z (degrees), then moved.
inline Affine rigid_move(const Vec3& degrees, const Vec3& mm) {
  const auto c = [&](std::size_t a) { return std::cos(degrees[a] * M_PI / 180); };
  const auto s = [&](std::size_t a) { return std::sin(degrees[a] * M_PI / 180); };
  const Affine x{{1, 0, 0, 0, c(0), -s(0), 0, s(0), c(0)}, {}}, y{{c(1), 0, s(1), 0, 1, 0, -s(1), 0, c(1)}, {}},
      z{{c(2), -s(2), 0, s(2), c(2), 0, 0, 0, 1}, {}};
  Affine move = compose(z, compose(y, x));
  move.offset = mm;
  return move;
}

/// The same voxels elsewhere in space: exact, nothing is interpolated.
inline io::Volume moved(io::Volume volume, const Affine& move) {
  const Affine there = compose(move, lps_from_index(volume.geometry));
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c)
      volume.geometry.direction[3 * r + c] = there.linear[3 * r + c] / volume.geometry.spacing_mm[c];
  volume.geometry.origin_mm = there.offset;
  return volume;
}

inline io::Geometry centred_grid(const Index3& size, const Vec3& spacing_mm) {
  io::Geometry g;
  g.size = size, g.spacing_mm = spacing_mm;
  for (std::size_t a = 0; a < 3; ++a) g.origin_mm[a] = -0.5 * static_cast<double>(size[a] - 1) * spacing_mm[a];
  return g;
}

/// Grey values of skin, skull, grey matter, white matter, fluid.
using Contrast = std::array<float, 5>;
inline constexpr Contrast kT1{220, 15, 110, 170, 40}, kT2{90, 12, 150, 100, 230};

/// `texture`: how much the grey values sway across the head; 0: five values, as of a label map.
inline io::Volume drawn_head(const io::Geometry& geometry, const Contrast& contrast, double texture = 0.04) {
  const auto inside = [](const Vec3& p, const Vec3& c, const Vec3& r) {
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a) sum += (p[a] - c[a]) * (p[a] - c[a]) / (r[a] * r[a]);
    return sum <= 1;
  };
  io::Volume volume;
  volume.geometry = geometry;
  for (std::int64_t k = 0; k < geometry.size[2]; ++k)
    for (std::int64_t j = 0; j < geometry.size[1]; ++j)
      for (std::int64_t i = 0; i < geometry.size[0]; ++i) {
        const Vec3 p = geometry.point_lps({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        float value = 0;
        if (inside(p, {0, 0, 0}, {72, 90, 75})) value = contrast[0];
        if (inside(p, {0, 0, 0}, {67, 85, 70})) value = contrast[1];
        if (inside(p, {0, 0, 2}, {62, 80, 64})) value = contrast[2];
        if (inside(p, {0, -5, 8}, {48, 62, 46})) value = contrast[3];
        if (inside(p, {10, -10, 8}, {6, 24, 12}) || inside(p, {-10, -10, 8}, {6, 26, 12})) value = contrast[4];
        if (inside(p, {32, 10, -12}, {9, 14, 8}) || inside(p, {-24, 34, 22}, {11, 7, 10})) value = contrast[2];
        if (inside(p, {-30, -38, -20}, {8, 8, 12})) value = contrast[4];
        volume.values.push_back(
            static_cast<float>(value * (1 + texture * std::sin(p[0] / 7) * std::cos(p[1] / 9 + p[2] / 11))));
      }
  return volume;
}

}  // namespace fovea::pipeline::mri
