#include "mri/synthesis/synthesis.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "slide/random_source.h"

namespace fovea::pipeline::mri {
namespace {

using slide::RandomSource;

constexpr int kTries = 200;
constexpr int kSubsamples = 3;  // of a voxel's edge: how much of it the target fills
constexpr double kApartMm = 4;

/// Orthonormal axes of a random direction.
std::array<Vec3, 3> random_axes(RandomSource& random) {
  const double a = random.uniform(0, 2 * std::numbers::pi), b = std::acos(random.uniform(-1, 1));
  const Vec3 u{std::sin(b) * std::cos(a), std::sin(b) * std::sin(a), std::cos(b)};
  const Vec3 helper = std::abs(u[2]) < 0.9 ? Vec3{0, 0, 1} : Vec3{1, 0, 0};
  const auto cross = [](const Vec3& p, const Vec3& q) {
    return Vec3{p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]};
  };
  Vec3 v = cross(u, helper);
  const double length = std::hypot(v[0], v[1], v[2]);
  for (double& c : v) c /= length;
  return {u, v, cross(u, v)};
}

double deviation_where(const Grid& grid, const std::vector<bool>& allowed) {
  double sum = 0, squares = 0, n = 0;
  for (std::size_t i = 0; i < allowed.size(); ++i)
    if (allowed[i]) sum += grid.values[i], squares += static_cast<double>(grid.values[i]) * grid.values[i], n += 1;
  if (n < 2) return 0;
  return std::sqrt(std::max(0.0, squares / n - sum / n * sum / n));
}

class Drawing {
 public:
  Drawing(std::vector<Grid> channels, const Vec3& spacing, const std::vector<bool>& allowed,
          const SynthesisOptions& options, std::uint64_t seed)
      : spacing_(spacing), allowed_(allowed), options_(options), random_(seed) {
    result_.channels = std::move(channels);
    size_ = result_.channels.front().size;
    result_.label.assign(allowed.size(), 0);
    for (std::size_t i = 0; i < allowed.size(); ++i)
      if (allowed[i]) places_.push_back(static_cast<std::int64_t>(i));
    for (const Grid& channel : result_.channels) deviation_.push_back(deviation_where(channel, allowed));
  }

  Synthetic run() {
    const std::int64_t wanted = random_.whole(options_.least, options_.most);
    for (std::int64_t n = 0; n < wanted && !places_.empty(); ++n)
      for (int attempt = 0; attempt < kTries && !draw(); ++attempt) continue;
    return std::move(result_);
  }

 private:
  bool draw() {
    Target target;
    const auto [low, high] = options_.volume_mm3;
    target.volume_mm3 = std::exp(random_.uniform(std::log(low), std::log(high)));  // many small ones
    const double stretch = random_.uniform(1, 3), flatten = random_.uniform(0.8, 1.25);
    const double r = std::cbrt(target.volume_mm3 * 3 / (4 * std::numbers::pi * stretch));
    target.half_axes_mm = {r * stretch, r * flatten, r / flatten};
    const std::int64_t at =
        places_[static_cast<std::size_t>(random_.whole(0, static_cast<std::int64_t>(places_.size()) - 1))];
    target.centre_index = {static_cast<double>(at % size_[0]) + random_.uniform(-0.5, 0.5),
                           static_cast<double>(at / size_[0] % size_[1]) + random_.uniform(-0.5, 0.5),
                           static_cast<double>(at / (size_[0] * size_[1])) + random_.uniform(-0.5, 0.5)};
    const std::vector<std::pair<std::size_t, double>> filled = covered(target, random_axes(random_));
    if (filled.empty()) return false;
    choose_visibility(target);
    paint(target, filled);
    result_.targets.push_back(std::move(target));
    return true;
  }

  /// Voxels and how much of each lies inside; empty when it would leave the allowed voxels or touch another target.
  std::vector<std::pair<std::size_t, double>> covered(const Target& t, const std::array<Vec3, 3>& axes) const {
    const double reach = *std::max_element(t.half_axes_mm.begin(), t.half_axes_mm.end());
    for (const Target& other : result_.targets) {
      const double other_reach = *std::max_element(other.half_axes_mm.begin(), other.half_axes_mm.end());
      Vec3 d;
      for (std::size_t a = 0; a < 3; ++a) d[a] = (t.centre_index[a] - other.centre_index[a]) * spacing_[a];
      if (std::hypot(d[0], d[1], d[2]) < reach + other_reach + kApartMm) return {};
    }
    std::vector<std::pair<std::size_t, double>> filled;
    Index3 low, high;
    for (std::size_t a = 0; a < 3; ++a) {
      low[a] = std::max<std::int64_t>(0, static_cast<std::int64_t>(t.centre_index[a] - reach / spacing_[a]) - 1);
      high[a] = std::min(size_[a] - 1, static_cast<std::int64_t>(t.centre_index[a] + reach / spacing_[a]) + 1);
    }
    bool any_half = false;
    for (std::int64_t z = low[2]; z <= high[2]; ++z)
      for (std::int64_t y = low[1]; y <= high[1]; ++y)
        for (std::int64_t x = low[0]; x <= high[0]; ++x) {
          const double share = share_inside(t, axes, {x, y, z});
          if (share <= 0) continue;
          const auto i = static_cast<std::size_t>((z * size_[1] + y) * size_[0] + x);
          if (!allowed_[i]) return {};
          any_half = any_half || share >= 0.5;
          filled.emplace_back(i, share);
        }
    return any_half ? filled : std::vector<std::pair<std::size_t, double>>{};
  }

  double share_inside(const Target& t, const std::array<Vec3, 3>& axes, const Index3& voxel) const {
    int inside = 0;
    for (int c = 0; c < kSubsamples; ++c)
      for (int b = 0; b < kSubsamples; ++b)
        for (int a = 0; a < kSubsamples; ++a) {
          const int step[3] = {a, b, c};
          Vec3 d;
          for (std::size_t i = 0; i < 3; ++i)
            d[i] =
                (static_cast<double>(voxel[i]) - 0.5 + (step[i] + 0.5) / kSubsamples - t.centre_index[i]) * spacing_[i];
          double sum = 0;
          for (std::size_t i = 0; i < 3; ++i) {
            const double along = d[0] * axes[i][0] + d[1] * axes[i][1] + d[2] * axes[i][2];
            sum += along * along / (t.half_axes_mm[i] * t.half_axes_mm[i]);
          }
          inside += sum <= 1;
        }
    return static_cast<double>(inside) / (kSubsamples * kSubsamples * kSubsamples);
  }

  void choose_visibility(Target& target) {
    const auto count = static_cast<std::int64_t>(result_.channels.size());
    const auto sure = static_cast<std::size_t>(random_.whole(0, count - 1));
    for (std::size_t m = 0; m < result_.channels.size(); ++m) {
      const bool shown = random_.uniform() < options_.visibility;
      target.visible.push_back(m == sure || shown);
    }
  }

  void paint(const Target& target, const std::vector<std::pair<std::size_t, double>>& filled) {
    for (std::size_t m = 0; m < result_.channels.size(); ++m) {
      const double vary = 1 + random_.uniform(-options_.variation, options_.variation);
      if (!target.visible[m]) continue;
      const double change = options_.contrast[m] * deviation_[m] * vary;
      for (const auto& [i, share] : filled) result_.channels[m].values[i] += static_cast<float>(change * share);
    }
    for (const auto& [i, share] : filled)
      if (share >= 0.5) result_.label[i] = 1;
  }

  Vec3 spacing_;
  const std::vector<bool>& allowed_;
  const SynthesisOptions& options_;
  RandomSource random_;
  Index3 size_{};
  std::vector<std::int64_t> places_;
  std::vector<double> deviation_;
  Synthetic result_;
};

}  // namespace

Synthetic synthesise(std::vector<Grid> channels, const Vec3& spacing_mm, const std::vector<bool>& allowed,
                     const SynthesisOptions& options, std::uint64_t seed) {
  return Drawing(std::move(channels), spacing_mm, allowed, options, seed).run();
}

}  // namespace fovea::pipeline::mri
