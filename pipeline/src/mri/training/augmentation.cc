#include "mri/training/augmentation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mri/resize.h"

namespace fovea::pipeline::mri::training {
namespace {

using slide::RandomSource;

bool chance(RandomSource& random, double probability) {
  return random.uniform() < probability;
}
double either_way(RandomSource& random, double reach) {
  return random.uniform(-reach, reach);
}

/// Rotation about axis `a` by `angle`.
Affine turned(std::size_t a, double angle) {
  const std::size_t u = (a + 1) % 3, v = (a + 2) % 3;
  Affine turn;
  turn.linear[3 * u + u] = turn.linear[3 * v + v] = std::cos(angle);
  turn.linear[3 * u + v] = -std::sin(angle), turn.linear[3 * v + u] = std::sin(angle);
  return turn;
}

/// Two neighbours of a position on one axis and the weight of the second.
struct Between {
  std::int64_t low = 0, high = 0;
  float weight = 0;
  bool inside = true;
};
Between between(double position, std::int64_t size, Beyond beyond) {
  Between b;
  if (beyond == Beyond::kEdge) position = std::clamp(position, 0.0, static_cast<double>(size - 1));
  b.inside = position > -1 && position < static_cast<double>(size);
  if (!b.inside) return b;
  const double floor = std::floor(position);
  b.low = static_cast<std::int64_t>(floor), b.high = b.low + 1;
  b.weight = static_cast<float>(position - floor);
  return b;
}

float value_at(const Grid& grid, std::int64_t x, std::int64_t y, std::int64_t z) {
  if (x < 0 || y < 0 || z < 0 || x >= grid.size[0] || y >= grid.size[1] || z >= grid.size[2]) return 0;
  return grid.values[grid.at(x, y, z)];
}

float interpolated(const Grid& grid, const Vec3& at, bool flat, Beyond beyond) {
  const Between x = between(at[0], grid.size[0], beyond), y = between(at[1], grid.size[1], beyond);
  const Between z = between(flat ? std::round(at[2]) : at[2], grid.size[2], beyond);
  if (!x.inside || !y.inside || !z.inside) return 0;
  const auto plane = [&](std::int64_t k) {
    const float low = (1 - x.weight) * value_at(grid, x.low, y.low, k) + x.weight * value_at(grid, x.high, y.low, k);
    if (y.weight == 0) return low;
    const float high = (1 - x.weight) * value_at(grid, x.low, y.high, k) + x.weight * value_at(grid, x.high, y.high, k);
    return (1 - y.weight) * low + y.weight * high;
  };
  const float low = plane(z.low);
  return z.weight == 0 ? low : (1 - z.weight) * low + z.weight * plane(z.high);
}

template <class Visit>
void for_each_voxel(const Index3& view, Visit visit) {
  const Vec3 middle{static_cast<double>(view[0] - 1) / 2, static_cast<double>(view[1] - 1) / 2,
                    static_cast<double>(view[2] - 1) / 2};
  std::size_t i = 0;
  for (std::int64_t z = 0; z < view[2]; ++z)
    for (std::int64_t y = 0; y < view[1]; ++y)
      for (std::int64_t x = 0; x < view[0]; ++x, ++i)
        visit(i, Vec3{static_cast<double>(x) - middle[0], static_cast<double>(y) - middle[1],
                      static_cast<double>(z) - middle[2]});
}

struct Moments {
  float low = 0, high = 0;
  double mean = 0, deviation = 0;
};
Moments moments_of(const Grid& grid) {
  Moments m;
  m.low = *std::min_element(grid.values.begin(), grid.values.end());
  m.high = *std::max_element(grid.values.begin(), grid.values.end());
  double sum = 0, squares = 0;
  for (const float v : grid.values) sum += v, squares += static_cast<double>(v) * v;
  const auto n = static_cast<double>(grid.values.size());
  m.mean = sum / n, m.deviation = std::sqrt(std::max(0.0, squares / n - m.mean * m.mean));
  return m;
}

void apply_gamma(Grid& grid, const Moments& m, double exponent) {
  const float range = m.high - m.low;
  for (float& v : grid.values)
    v = m.low + range * std::pow(std::max((v - m.low) / range, 0.0F), static_cast<float>(exponent));
}

/// exp of a polynomial of degree two of the position in [-1, 1].
void apply_bias(Grid& grid, RandomSource& random, double reach, float low) {
  double linear[3], square[3];
  for (std::size_t a = 0; a < 3; ++a)
    linear[a] = either_way(random, reach / 2), square[a] = either_way(random, reach / 2);
  const auto share = [&](double d, std::size_t a) {
    return grid.size[a] > 1 ? 2 * d / static_cast<double>(grid.size[a] - 1) : 0;
  };
  const Index3 size = grid.size;
  for_each_voxel(size, [&](std::size_t i, const Vec3& d) {
    double exponent = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const double p = share(d[a], a);
      exponent += linear[a] * p + square[a] * p * p;
    }
    grid.values[i] = low + (grid.values[i] - low) * static_cast<float>(std::exp(exponent));
  });
}

/// Box and Muller: the library's own normal distribution differs between machines.
void add_noise(Grid& grid, RandomSource& random, double sigma) {
  for (std::size_t i = 0; i < grid.values.size(); i += 2) {
    const double radius = sigma * std::sqrt(-2 * std::log(1 - random.uniform()));
    const double angle = 2 * std::numbers::pi * random.uniform();
    grid.values[i] += static_cast<float>(radius * std::cos(angle));
    if (i + 1 < grid.values.size()) grid.values[i + 1] += static_cast<float>(radius * std::sin(angle));
  }
}

}  // namespace

Vec3 Warp::operator()(const Vec3& from_centre) const {
  const double w = 1 + tilt[0] * from_centre[0] + tilt[1] * from_centre[1] + tilt[2] * from_centre[2];
  return affine({from_centre[0] / w, from_centre[1] / w, from_centre[2] / w});
}

Warp plain_warp(const Vec3& centre) {
  Warp warp;
  warp.affine.offset = centre;
  return warp;
}

Warp random_warp(RandomSource& random, const Augmentation& a, const Index3& view, bool flat, const Vec3& centre) {
  Warp warp;
  const std::size_t axes = flat ? 2 : 3;
  Affine linear;
  const bool turn = chance(random, a.probability), zoom = chance(random, a.probability);
  const bool shift = chance(random, a.probability), tilt = chance(random, a.probability);
  if (turn)
    for (std::size_t axis = flat ? 2 : 0; axis < 3; ++axis)
      linear = compose(turned(axis, either_way(random, a.rotation_degrees) * std::numbers::pi / 180), linear);
  if (zoom) {
    const double factor = 1 / (1 + either_way(random, a.zoom));
    linear = compose(scaling({factor, factor, flat ? 1 : factor}, {0, 0, 0}), linear);
  }
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const bool listed = a.flip_axes.find("xyz"[axis]) != std::string::npos;
    if (!listed || !chance(random, 0.5)) continue;
    Vec3 mirror{1, 1, 1};
    mirror[axis] = -1;
    linear = compose(scaling(mirror, {0, 0, 0}), linear);
  }
  warp.affine = linear;
  warp.affine.offset = centre;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const auto length = static_cast<double>(view[axis]);
    if (shift) warp.affine.offset[axis] += either_way(random, a.shift) * length;
    if (tilt && length > 1) warp.tilt[axis] = either_way(random, a.perspective) * 2 / length;
  }
  return warp;
}

Grid warped(const Grid& source, const Warp& warp, const Index3& view, bool flat, Beyond beyond) {
  Grid result(view);
  for_each_voxel(view,
                 [&](std::size_t i, const Vec3& d) { result.values[i] = interpolated(source, warp(d), flat, beyond); });
  return result;
}

std::vector<std::uint8_t> warped_label(const std::vector<std::uint8_t>& source, const Index3& size, const Warp& warp,
                                       const Index3& view) {
  std::vector<std::uint8_t> result(static_cast<std::size_t>(product(view)), 0);
  for_each_voxel(view, [&](std::size_t i, const Vec3& d) {
    const Vec3 at = warp(d);
    Index3 n;
    for (std::size_t a = 0; a < 3; ++a) {
      n[a] = static_cast<std::int64_t>(std::floor(at[a] + 0.5));
      if (n[a] < 0 || n[a] >= size[a]) return;
    }
    result[i] = source[static_cast<std::size_t>((n[2] * size[1] + n[1]) * size[0] + n[0])];
  });
  return result;
}

void change_values(Grid& channel, RandomSource& random, const Strength& s, bool flat) {
  const Moments before = moments_of(channel);
  if (!(before.deviation > 0)) return;
  if (s.blur > 0 && chance(random, s.probability)) {
    const double sigma = random.uniform(0, s.blur);
    channel = smooth(channel, {sigma, sigma, flat ? 0 : sigma});
  }
  if (s.bias_field > 0 && chance(random, s.probability)) apply_bias(channel, random, s.bias_field, before.low);
  if (s.gamma > 0 && chance(random, s.probability)) {
    const double exponent = std::exp(either_way(random, s.gamma));
    apply_gamma(channel, moments_of(channel), exponent);
  }
  if (s.noise > 0 && chance(random, s.probability))
    add_noise(channel, random, random.uniform(0, s.noise) * before.deviation);
  const Moments after = moments_of(channel);
  if (!(after.deviation > 0)) return;
  const double scale = before.deviation / after.deviation;
  for (float& v : channel.values) v = static_cast<float>(before.mean + (v - after.mean) * scale);
}

std::uint64_t mixed_seed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = (a ^ (b * 0xd1342543de82ef95ULL)) + 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

}  // namespace fovea::pipeline::mri::training
