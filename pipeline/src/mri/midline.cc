#include "mri/midline.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mri/intensity.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kCoarseMm = 4, kForeground = 0.15, kLeastSide = 0.25, kMostlyOneSide = 0.8;
constexpr std::size_t kPoints = 5000, kLeastPoints = 200;
constexpr double kDegree = std::numbers::pi / 180;

/// Block means of about 4 mm: noise and detail are no help, and nothing of the volume's size is copied.
struct Coarse {
  Grid grid;
  Affine ras_from_index;
};

Coarse coarse_of(const io::Volume& volume) {
  const io::Geometry& g = volume.geometry;
  Index3 block, size;
  for (std::size_t a = 0; a < 3; ++a) {
    block[a] =
        std::clamp<std::int64_t>(std::llround(kCoarseMm / g.spacing_mm[a]), 1, std::max<std::int64_t>(g.size[a], 1));
    size[a] = std::max<std::int64_t>(g.size[a] / block[a], 1);
  }
  Coarse coarse{Grid(size), {}};
  for (std::int64_t k = 0; k < size[2] * block[2]; ++k)
    for (std::int64_t j = 0; j < size[1] * block[1]; ++j) {
      const float* row = volume.values.data() + (k * g.size[1] + j) * g.size[0];
      float* target = coarse.grid.values.data() + coarse.grid.at(0, j / block[1], k / block[2]);
      for (std::int64_t i = 0; i < size[0] * block[0]; ++i) target[i / block[0]] += row[i];
    }
  const auto count = static_cast<float>(product(block));
  for (float& value : coarse.grid.values) value /= count;
  Vec3 scale, offset;
  for (std::size_t a = 0; a < 3; ++a)
    scale[a] = static_cast<double>(block[a]), offset[a] = (static_cast<double>(block[a]) - 1) / 2;
  coarse.ras_from_index = compose(ras_from_index(g), scaling(scale, offset));
  return coarse;
}

/// Trilinear; 0 outside.
double value_at(const Grid& grid, const Vec3& index) {
  std::array<std::int64_t, 3> low;
  Vec3 part;
  for (std::size_t a = 0; a < 3; ++a) {
    low[a] = static_cast<std::int64_t>(std::floor(index[a])), part[a] = index[a] - std::floor(index[a]);
    if (low[a] < -1 || low[a] >= grid.size[a]) return 0;
  }
  double sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double weight = 1;
    Index3 at;
    bool inside = true;
    for (std::size_t a = 0; a < 3; ++a) {
      const bool upper = corner >> a & 1;
      at[a] = low[a] + upper, weight *= upper ? part[a] : 1 - part[a];
      inside = inside && at[a] >= 0 && at[a] < grid.size[a];
    }
    if (inside) sum += weight * grid.values[grid.at(at[0], at[1], at[2])];
  }
  return sum;
}

/// Points of the head that decide: all, or those before, behind, above or below its middle.
enum class Part { kAll, kFront, kBack, kUpper, kLower };

/// Turn and tilt in radians, place in mm from the middle of the bright points.
struct Pose {
  double turn = 0, tilt = 0, shift_mm = 0;
};

class Symmetry {
 public:
  explicit Symmetry(Coarse coarse) : coarse_(std::move(coarse)), index_from_ras_(inverse(coarse_.ras_from_index)) {
    const double low = percentile(coarse_.grid.values, 1), high = percentile(coarse_.grid.values, 99);
    for (float& value : coarse_.grid.values)
      value = std::clamp(value, static_cast<float>(low), static_cast<float>(high)) - static_cast<float>(low);
    collect(kForeground * (high - low));
  }

  bool enough() const { return points_.size() >= kLeastPoints; }

  Midline plane(const Pose& pose) const {
    Midline m;
    const double y = std::tan(pose.turn), z = std::tan(pose.tilt), length = std::sqrt(1 + y * y + z * z);
    m.normal_ras = {1 / length, y / length, z / length};
    for (std::size_t a = 0; a < 3; ++a) m.offset_mm += m.normal_ras[a] * middle_[a];
    m.offset_mm += pose.shift_mm;
    return m;
  }

  /// Correlation of the bright points with what lies at their mirror images.
  double score(const Pose& pose, Part part = Part::kAll) const {
    const Midline m = plane(pose);
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (const auto& [p, own] : points_) {
      if (!belongs(p, part)) continue;
      ++n;
      const double distance = signed_distance(m, p);
      Vec3 mirrored = p;
      for (std::size_t i = 0; i < 3; ++i) mirrored[i] -= 2 * distance * m.normal_ras[i];
      const double other = value_at(coarse_.grid, index_from_ras_(mirrored));
      a += own, b += other, aa += own * own, bb += other * other, ab += own * other;
    }
    const double variance = (aa - a * a / n) * (bb - b * b / n);
    return variance > 0 ? (ab - a * b / n) / std::sqrt(variance) : -1;
  }

  /// The smaller share of bright points on one side.
  double least_side(const Midline& m) const {
    const auto right = std::count_if(points_.begin(), points_.end(),
                                     [&](const auto& point) { return signed_distance(m, point.first) > 0; });
    const double share = static_cast<double>(right) / static_cast<double>(points_.size());
    return std::min(share, 1 - share);
  }

 private:
  static double signed_distance(const Midline& m, const Vec3& ras) {
    return m.normal_ras[0] * ras[0] + m.normal_ras[1] * ras[1] + m.normal_ras[2] * ras[2] - m.offset_mm;
  }

  bool belongs(const Vec3& ras, Part part) const {
    switch (part) {
      case Part::kAll: return true;
      case Part::kFront: return ras[1] > middle_[1];
      case Part::kBack: return ras[1] <= middle_[1];
      case Part::kUpper: return ras[2] > middle_[2];
      case Part::kLower: return ras[2] <= middle_[2];
    }
    return true;
  }

  void collect(double threshold) {
    const Grid& grid = coarse_.grid;
    std::vector<std::pair<Vec3, double>> all;
    for (std::int64_t k = 0; k < grid.size[2]; ++k)
      for (std::int64_t j = 0; j < grid.size[1]; ++j)
        for (std::int64_t i = 0; i < grid.size[0]; ++i)
          if (const double value = grid.values[grid.at(i, j, k)]; value > threshold)
            all.emplace_back(
                coarse_.ras_from_index({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}),
                value);
    for (const auto& [p, value] : all)
      for (std::size_t a = 0; a < 3; ++a) middle_[a] += p[a] / static_cast<double>(all.size());
    const std::size_t step = all.size() / kPoints + 1;
    for (std::size_t i = 0; i < all.size(); i += step) points_.push_back(all[i]);
  }

  Coarse coarse_;
  Affine index_from_ras_;
  std::vector<std::pair<Vec3, double>> points_;
  Vec3 middle_{};
};

Pose best_pose(const Symmetry& symmetry) {
  Pose best;
  double score = symmetry.score(best);
  const auto keep = [&](const Pose& pose) {
    if (const double s = symmetry.score(pose); s > score) score = s, best = pose;
  };
  for (int turn = -2; turn <= 2; ++turn)
    for (int tilt = -2; tilt <= 2; ++tilt)
      for (int shift = -8; shift <= 8; ++shift) keep({turn * 5 * kDegree, tilt * 5 * kDegree, shift * 4.0});
  double angle = 2.5 * kDegree, mm = 2;
  for (int round = 0; round < 5; ++round, angle /= 2, mm /= 2) {
    const Pose centre = best;
    for (int turn = -1; turn <= 1; ++turn)
      for (int tilt = -1; tilt <= 1; ++tilt)
        for (int shift = -1; shift <= 1; ++shift)
          keep({centre.turn + turn * angle, centre.tilt + tilt * angle, centre.shift_mm + shift * mm});
  }
  return best;
}

/// Each half of the head says for itself where the plane of this turn and tilt lies; symmetry by chance does not agree.
double spread_of_halves(const Symmetry& symmetry, const Pose& pose) {
  double lowest = INFINITY, highest = -INFINITY;
  for (const Part part : {Part::kFront, Part::kBack, Part::kUpper, Part::kLower}) {
    double best = -2, place = 0;
    for (int step = -24; step <= 24; ++step) {
      const double shift = pose.shift_mm + 0.5 * step;
      if (const double score = symmetry.score({pose.turn, pose.tilt, shift}, part); score > best)
        best = score, place = shift;
    }
    lowest = std::min(lowest, place), highest = std::max(highest, place);
  }
  return highest - lowest;
}

}  // namespace

double Midline::right_of(const Vec3& lps_mm) const {
  return -normal_ras[0] * lps_mm[0] - normal_ras[1] * lps_mm[1] + normal_ras[2] * lps_mm[2] - offset_mm;
}

std::optional<Midline> find_midline(const io::Volume& volume) {
  if (static_cast<std::int64_t>(volume.values.size()) != volume.geometry.voxels() || volume.values.empty()) return {};
  const Symmetry symmetry(coarse_of(volume));
  if (!symmetry.enough()) return {};
  const Pose pose = best_pose(symmetry);
  Midline midline = symmetry.plane(pose);
  midline.symmetry = symmetry.score(pose);
  midline.spread_mm = spread_of_halves(symmetry, pose);
  midline.sure = midline.symmetry >= kSureSymmetry && midline.spread_mm <= kSureSpreadMm &&
                 symmetry.least_side(midline) >= kLeastSide;
  return midline;
}

Laterality laterality_of(const Component& component, const io::Geometry& geometry,
                         const std::optional<Midline>& midline) {
  if (!midline || !midline->sure || component.voxels.empty()) return {};
  double right = 0, sum = 0, lowest = INFINITY, highest = -INFINITY;
  for (const std::int64_t voxel : component.voxels) {
    const double distance =
        midline->right_of(geometry.point_lps({static_cast<double>(voxel % geometry.size[0]),
                                              static_cast<double>(voxel / geometry.size[0] % geometry.size[1]),
                                              static_cast<double>(voxel / (geometry.size[0] * geometry.size[1]))}));
    right += distance > 0, sum += distance;
    lowest = std::min(lowest, distance), highest = std::max(highest, distance);
  }
  const auto count = static_cast<double>(component.voxels.size());
  Laterality found;
  found.side = right >= kMostlyOneSide * count ? "right" : right <= (1 - kMostlyOneSide) * count ? "left" : "midline";
  found.centroid_distance_mm = std::abs(sum / count);
  found.nearest_distance_mm = lowest > 0 ? lowest : highest < 0 ? -highest : 0;
  return found;
}

}  // namespace fovea::pipeline::mri
