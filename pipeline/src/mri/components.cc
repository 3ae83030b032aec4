#include "mri/components.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace fovea::pipeline::mri {
namespace {

std::vector<Index3> neighbours(Connectivity connectivity) {
  std::vector<Index3> steps;
  for (std::int64_t dz = -1; dz <= 1; ++dz)
    for (std::int64_t dy = -1; dy <= 1; ++dy)
      for (std::int64_t dx = -1; dx <= 1; ++dx) {
        const auto distance = std::abs(dx) + std::abs(dy) + std::abs(dz);
        if (distance > 0 && (connectivity == Connectivity::k26 || distance == 1)) steps.push_back({dx, dy, dz});
      }
  return steps;
}

Index3 index_of(std::int64_t voxel, const Index3& size) {
  return {voxel % size[0], voxel / size[0] % size[1], voxel / (size[0] * size[1])};
}

class Flood {
 public:
  Flood(std::span<const std::uint8_t> labels, const Index3& size, Connectivity connectivity)
      : labels_(labels), size_(size), steps_(neighbours(connectivity)), taken_(labels.size(), false) {}

  bool taken(std::int64_t voxel) const { return taken_[static_cast<std::size_t>(voxel)]; }

  Component from(std::int64_t seed) {
    Component part;
    part.label = labels_[static_cast<std::size_t>(seed)];
    part.box = {size_, {0, 0, 0}};
    part.voxels.push_back(seed);
    taken_[static_cast<std::size_t>(seed)] = true;
    for (std::size_t next = 0; next < part.voxels.size(); ++next) visit(part, part.voxels[next]);
    std::sort(part.voxels.begin(), part.voxels.end());
    return part;
  }

 private:
  void visit(Component& part, std::int64_t voxel) {
    const Index3 at = index_of(voxel, size_);
    for (std::size_t a = 0; a < 3; ++a)
      part.box.begin[a] = std::min(part.box.begin[a], at[a]), part.box.end[a] = std::max(part.box.end[a], at[a] + 1);
    for (const Index3& step : steps_) {
      const Index3 to{at[0] + step[0], at[1] + step[1], at[2] + step[2]};
      if (to[0] < 0 || to[1] < 0 || to[2] < 0 || to[0] >= size_[0] || to[1] >= size_[1] || to[2] >= size_[2]) continue;
      const std::int64_t other = (to[2] * size_[1] + to[1]) * size_[0] + to[0];
      const auto i = static_cast<std::size_t>(other);
      if (taken_[i] || labels_[i] != part.label) continue;
      taken_[i] = true;
      part.voxels.push_back(other);
    }
  }

  std::span<const std::uint8_t> labels_;
  Index3 size_;
  std::vector<Index3> steps_;
  std::vector<bool> taken_;
};

/// A voxel inside a run of voxels along an axis is no corner of the convex hull: per line only the two ends can be
/// farthest apart.
std::vector<Index3> line_ends(const Component& component, const Index3& size) {
  std::vector<Index3> ends;
  for (std::size_t i = 0; i < component.voxels.size(); ++i) {
    const Index3 at = index_of(component.voxels[i], size);
    const auto same_line = [&](std::size_t other) {
      return component.voxels[other] / size[0] == component.voxels[i] / size[0];
    };
    const bool inner = i > 0 && i + 1 < component.voxels.size() && same_line(i - 1) && same_line(i + 1);
    if (!inner) ends.push_back(at);
  }
  return ends;
}

std::vector<Vec3> points_lps(const std::vector<Index3>& indices, const io::Geometry& geometry) {
  std::vector<Vec3> points;
  points.reserve(indices.size());
  for (const Index3& at : indices)
    points.push_back(
        geometry.point_lps({static_cast<double>(at[0]), static_cast<double>(at[1]), static_cast<double>(at[2])}));
  return points;
}

double squared(const Vec3& a, const Vec3& b) {
  const double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

Vec3 axis_direction(const io::Geometry& geometry, std::size_t axis) {
  return {geometry.direction[axis], geometry.direction[3 + axis], geometry.direction[6 + axis]};
}

/// Of the points along the direction that lies across the chord and within the slice with this normal.
double extent_across(const std::vector<Vec3>& points, const Chord& chord, const Vec3& normal) {
  Vec3 along{};
  for (std::size_t a = 0; a < 3; ++a) along[a] = (chord.to[a] - chord.from[a]) / chord.length;
  double low = 0, high = 0;  // the chord itself lies at 0
  for (const Vec3& p : points) {
    double place = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const std::size_t b = (a + 1) % 3, c = (a + 2) % 3;
      place += (normal[b] * along[c] - normal[c] * along[b]) * (p[a] - chord.from[a]);
    }
    low = std::min(low, place), high = std::max(high, place);
  }
  return high - low;
}

}  // namespace

std::vector<Component> find_components(std::span<const std::uint8_t> labels, const Index3& size,
                                       Connectivity connectivity) {
  std::vector<Component> parts;
  Flood flood(labels, size, connectivity);
  for (std::int64_t voxel = 0; voxel < static_cast<std::int64_t>(labels.size()); ++voxel)
    if (labels[static_cast<std::size_t>(voxel)] != 0 && !flood.taken(voxel)) parts.push_back(flood.from(voxel));
  return parts;
}

Chord longest_chord(const std::vector<Vec3>& points) {
  Chord best{points.front(), points.front(), 0};
  Vec3 centre{};
  for (const Vec3& p : points)
    for (std::size_t a = 0; a < 3; ++a) centre[a] += p[a] / static_cast<double>(points.size());
  // Far from the centre first: two points are never farther apart than the sum of their distances from it.
  std::vector<std::pair<double, Vec3>> far;
  far.reserve(points.size());
  for (const Vec3& p : points) far.emplace_back(std::sqrt(squared(p, centre)), p);
  std::sort(far.begin(), far.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  double best_squared = 0;
  for (std::size_t i = 0; i + 1 < far.size() && far[i].first * 2 > best.length; ++i)
    for (std::size_t j = i + 1; j < far.size() && far[i].first + far[j].first > best.length; ++j) {
      const double distance = squared(far[i].second, far[j].second);
      if (distance > best_squared) best_squared = distance, best = {far[i].second, far[j].second, std::sqrt(distance)};
    }
  return best;
}

Lesion measure(const Component& component, const io::Geometry& geometry, std::span<const float> probability) {
  Lesion lesion;
  lesion.label = component.label, lesion.box = component.box;
  lesion.voxels = static_cast<std::int64_t>(component.voxels.size());
  lesion.volume_ml = static_cast<double>(lesion.voxels) * geometry.voxel_ml();
  for (const std::int64_t voxel : component.voxels) {
    const Index3 at = index_of(voxel, geometry.size);
    for (std::size_t a = 0; a < 3; ++a) lesion.centroid_index[a] += static_cast<double>(at[a]);
    const double p = probability.empty() ? 0.0 : probability[static_cast<std::size_t>(voxel)];
    lesion.mean_probability += p;
    lesion.max_probability = std::max(lesion.max_probability, p);
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(lesion.voxels, 1));
  for (double& index : lesion.centroid_index) index /= count;
  lesion.mean_probability /= count;
  lesion.centroid_lps_mm = geometry.point_lps(lesion.centroid_index);

  const std::vector<Index3> ends = line_ends(component, geometry.size);
  lesion.longest_diameter_mm = longest_chord(points_lps(ends, geometry)).length;
  const auto slice_axis = static_cast<std::size_t>(canonical_axes(ras_from_index(geometry)).axis[2]);
  std::map<std::int64_t, std::vector<Index3>> slices;
  for (const Index3& at : ends) slices[at[slice_axis]].push_back(at);
  // Ends of lines along i are enough within a slice too, unless the slice cuts across i: then every voxel may be an
  // end.
  if (slice_axis == 0) {
    slices.clear();
    for (const std::int64_t voxel : component.voxels) {
      const Index3 at = index_of(voxel, geometry.size);
      slices[at[0]].push_back(at);
    }
  }
  for (const auto& [slice, indices] : slices) {
    const std::vector<Vec3> points = points_lps(indices, geometry);
    const Chord chord = longest_chord(points);
    if (chord.length <= lesion.longest_axial_diameter_mm) continue;
    lesion.longest_axial_diameter_mm = chord.length;
    lesion.axial_width_mm = extent_across(points, chord, axis_direction(geometry, slice_axis));
  }
  return lesion;
}

}  // namespace fovea::pipeline::mri
