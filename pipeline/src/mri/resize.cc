#include "mri/resize.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <tbb/parallel_for.h>

namespace fovea::pipeline::mri {
namespace {

constexpr double kNoSmoothing = 1e-15;  // voxels

/// Index of an infinite mirror image "d c b | a b c d | c b a".
std::int64_t mirrored(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  i = std::abs(i) % period;
  return i < n ? i : period - i;
}

/// One output sample along an axis as a weighted sum of two inputs.
struct Tap {
  std::int64_t first = 0, second = 0;
  double weight_first = 1, weight_second = 0;
};

Tap tap_at(double at, std::int64_t n, Interpolation interpolation) {
  if (interpolation == Interpolation::kNearest) {
    const std::int64_t near = mirrored(static_cast<std::int64_t>(std::floor(at + 0.5)), n);
    return {near, near, 1, 0};
  }
  const double low = std::floor(at);
  const auto first = static_cast<std::int64_t>(low);
  return {mirrored(first, n), mirrored(first + 1, n), 1 - (at - low), at - low};
}

std::vector<Tap> taps(std::int64_t in, std::int64_t out, Alignment alignment, Interpolation interpolation) {
  std::vector<Tap> all(static_cast<std::size_t>(out));
  const double half = static_cast<double>(in) / static_cast<double>(out);
  const double corner = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 1;
  for (std::int64_t i = 0; i < out; ++i) {
    const double k = static_cast<double>(i);
    const double at =
        alignment == Alignment::kHalfPixel ? (k + 0.5) * half - 0.5 : std::min(k * corner, static_cast<double>(in - 1));
    all[static_cast<std::size_t>(i)] = tap_at(at, in, interpolation);
  }
  return all;
}

/// Calls `line(source, target, stride)` for every line of `axis`; source and target grids differ along that axis only.
template <class Line>
void for_each_line(const Grid& source, Grid& target, std::size_t axis, Line line) {
  const std::size_t outer = axis == 2 ? 1 : 2, inner = axis == 0 ? 1 : 0;
  const auto stride = [](const Grid& g, std::size_t a) {
    return a == 0 ? std::int64_t{1} : a == 1 ? g.size[0] : g.size[0] * g.size[1];
  };
  tbb::parallel_for(std::int64_t{0}, source.size[outer], [&](std::int64_t o) {
    for (std::int64_t i = 0; i < source.size[inner]; ++i)
      line(source.values.data() + o * stride(source, outer) + i * stride(source, inner),
           target.values.data() + o * stride(target, outer) + i * stride(target, inner), stride(source, axis));
  });
}

std::vector<double> gaussian_weights(double sigma) {
  const auto radius = static_cast<std::int64_t>(4 * sigma + 0.5);
  std::vector<double> weights(static_cast<std::size_t>(2 * radius + 1));
  double sum = 0;
  for (std::int64_t i = -radius; i <= radius; ++i) {
    const double x = static_cast<double>(i) / sigma;
    sum += weights[static_cast<std::size_t>(i + radius)] = std::exp(-0.5 * x * x);
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// One line's values under a Gaussian, wherever they are asked for.
class Smoothing {
 public:
  Smoothing(double sigma, std::int64_t n)
      : weights_(gaussian_weights(sigma)), radius_(static_cast<std::int64_t>(weights_.size() / 2)), n_(n) {}
  float at(const float* line, std::int64_t stride, std::int64_t i) const {
    double sum = 0;
    const bool inside = i >= radius_ && i + radius_ < n_;
    for (std::int64_t k = -radius_; k <= radius_; ++k)
      sum += weights_[static_cast<std::size_t>(k + radius_)] * line[(inside ? i + k : mirrored(i + k, n_)) * stride];
    return static_cast<float>(sum);
  }

 private:
  std::vector<double> weights_;
  std::int64_t radius_, n_;
};

Grid smooth_axis(const Grid& grid, std::size_t axis, double sigma) {
  const std::int64_t n = grid.size[axis];
  const Smoothing smoothing(sigma, n);
  Grid result(grid.size);
  for_each_line(grid, result, axis, [&](const float* source, float* target, std::int64_t stride) {
    for (std::int64_t i = 0; i < n; ++i) target[i * stride] = smoothing.at(source, stride, i);
  });
  return result;
}

/// Smoothed where samples are taken alone: a volume that shrinks to a quarter needs no second one of its size.
Grid resize_axis(const Grid& grid, std::size_t axis, std::int64_t out, double sigma, Alignment alignment,
                 Interpolation interpolation) {
  Index3 size = grid.size;
  size[axis] = out;
  Grid result(size);
  const std::int64_t n = grid.size[axis];
  const std::vector<Tap> table = taps(n, out, alignment, interpolation);
  std::optional<Smoothing> smoothing;
  if (sigma > kNoSmoothing && n > 1) smoothing.emplace(sigma, n);
  for_each_line(grid, result, axis, [&](const float* source, float* target, std::int64_t stride) {
    const auto value = [&](std::int64_t i) {
      return smoothing ? smoothing->at(source, stride, i) : source[i * stride];
    };
    for (std::size_t i = 0; i < table.size(); ++i) {
      const Tap& t = table[i];
      target[static_cast<std::int64_t>(i) * stride] =
          static_cast<float>(t.weight_first * value(t.first) + t.weight_second * value(t.second));
    }
  });
  return result;
}

Grid resized(const Grid& grid, const Index3& size, const Vec3& sigma, Alignment alignment,
             Interpolation interpolation) {
  // Shrinking axes first keeps the arrays between the passes small.
  std::array<std::size_t, 3> order{0, 1, 2};
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return size[a] * grid.size[b] < size[b] * grid.size[a]; });
  std::optional<Grid> result;
  for (const std::size_t axis : order)
    if (size[axis] != grid.size[axis])
      result = resize_axis(result ? *result : grid, axis, size[axis], sigma[axis], alignment, interpolation);
  return result ? std::move(*result) : grid;
}

}  // namespace

Affine over_same_box(const Index3& from, const Index3& to) {
  Vec3 scale, offset;
  for (std::size_t a = 0; a < 3; ++a) {
    scale[a] = static_cast<double>(to[a]) / static_cast<double>(from[a]);
    offset[a] = 0.5 * scale[a] - 0.5;
  }
  return scaling(scale, offset);
}

Grid resize(const Grid& grid, const Index3& size, Alignment alignment, Interpolation interpolation) {
  Vec3 none{};
  return resized(grid, size, none, alignment, interpolation);
}

Grid smooth(const Grid& grid, const Vec3& sigma) {
  std::optional<Grid> result;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (sigma[axis] > kNoSmoothing && grid.size[axis] > 1)
      result = smooth_axis(result ? *result : grid, axis, sigma[axis]);
  return result ? std::move(*result) : grid;
}

Grid resize_antialiased(const Grid& grid, const Index3& size, Interpolation interpolation) {
  Vec3 sigma{};
  for (std::size_t a = 0; a < 3; ++a)
    sigma[a] = std::max(0.0, (static_cast<double>(grid.size[a]) / static_cast<double>(size[a]) - 1) / 2);
  return resized(grid, size, sigma, Alignment::kHalfPixel, interpolation);
}

}  // namespace fovea::pipeline::mri
