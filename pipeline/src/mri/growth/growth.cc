#include "mri/growth/growth.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

namespace fovea::pipeline::mri {
namespace {

Vec3 index_of(std::int64_t voxel, const Index3& size) {
  return {static_cast<double>(voxel % size[0]), static_cast<double>(voxel / size[0] % size[1]),
          static_cast<double>(voxel / (size[0] * size[1]))};
}

Vec3 centroid_of(const Component& component, const io::Geometry& geometry) {
  Vec3 sum{};
  for (const std::int64_t voxel : component.voxels) {
    const Vec3 at = index_of(voxel, geometry.size);
    for (std::size_t a = 0; a < 3; ++a) sum[a] += at[a] / static_cast<double>(component.voxels.size());
  }
  return geometry.point_lps(sum);
}

/// A voxel with a face to the outside; the rim of the grid is outside.
bool on_border(const Outline& outline, std::int64_t voxel) {
  const Index3& size = outline.geometry.size;
  const Index3 at{voxel % size[0], voxel / size[0] % size[1], voxel / (size[0] * size[1])},
      stride{1, size[0], size[0] * size[1]};
  for (std::size_t a = 0; a < 3; ++a)
    if (at[a] == 0 || at[a] + 1 == size[a] || outline.mask[static_cast<std::size_t>(voxel - stride[a])] == 0 ||
        outline.mask[static_cast<std::size_t>(voxel + stride[a])] == 0)
      return true;
  return false;
}

OutlinedVolume volume_of(const Component& component, const Outline& outline) {
  const auto border = std::count_if(component.voxels.begin(), component.voxels.end(),
                                    [&](std::int64_t voxel) { return on_border(outline, voxel); });
  const double voxel_ml = outline.geometry.voxel_ml();
  return {static_cast<double>(component.voxels.size()) * voxel_ml, static_cast<double>(border) * voxel_ml};
}

/// Components of both times as nodes (earlier ones first), joined where they are one lesion.
class Groups {
 public:
  explicit Groups(std::size_t nodes) : parent_(nodes) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }
  std::size_t root(std::size_t node) const {
    while (parent_[node] != node) node = parent_[node];
    return node;
  }
  void join(std::size_t a, std::size_t b) { parent_[root(b)] = root(a); }

 private:
  std::vector<std::size_t> parent_;
};

constexpr std::int32_t kNobody = -1;

std::vector<std::int32_t> owners(const std::vector<Component>& components, std::size_t voxels) {
  std::vector<std::int32_t> owner(voxels, kNobody);
  for (std::size_t c = 0; c < components.size(); ++c)
    for (const std::int64_t voxel : components[c].voxels)
      owner[static_cast<std::size_t>(voxel)] = static_cast<std::int32_t>(c);
  return owner;
}

class Comparison {
 public:
  Comparison(const Outline& before, const Outline& after, const Affine& before_from_after_lps)
      : before_(before),
        after_(after),
        map_(before_from_after_lps),
        earlier_(find_components(before.mask, before.geometry.size, Connectivity::k26)),
        later_(find_components(after.mask, after.geometry.size, Connectivity::k26)),
        groups_(earlier_.size() + later_.size()) {}

  std::vector<LesionChange> run() {
    join_overlapping();
    join_near();
    std::map<std::size_t, LesionChange> changes;
    for (std::size_t c = 0; c < earlier_.size(); ++c) add(changes[groups_.root(c)], c, earlier_[c], before_, true);
    for (std::size_t c = 0; c < later_.size(); ++c)
      add(changes[groups_.root(earlier_.size() + c)], c, later_[c], after_, false);
    std::vector<LesionChange> sorted;
    for (auto& [root, change] : changes) sorted.push_back(std::move(change));
    std::stable_sort(sorted.begin(), sorted.end(), [](const LesionChange& a, const LesionChange& b) {
      return std::max(a.volume_after.ml, a.volume_before.ml) > std::max(b.volume_after.ml, b.volume_before.ml);
    });
    return sorted;
  }

 private:
  void join_overlapping() {
    const std::vector<std::int32_t> owner = owners(earlier_, before_.mask.size());
    const Affine before_from_after =
        compose(compose(inverse(lps_from_index(before_.geometry)), map_), lps_from_index(after_.geometry));
    const Index3& size = before_.geometry.size;
    for (std::size_t c = 0; c < later_.size(); ++c)
      for (const std::int64_t voxel : later_[c].voxels) {
        const Vec3 p = before_from_after(index_of(voxel, after_.geometry.size));
        const Index3 at{std::llround(p[0]), std::llround(p[1]), std::llround(p[2])};
        if (at[0] < 0 || at[1] < 0 || at[2] < 0 || at[0] >= size[0] || at[1] >= size[1] || at[2] >= size[2]) continue;
        const std::int32_t other = owner[static_cast<std::size_t>((at[2] * size[1] + at[1]) * size[0] + at[0])];
        if (other != kNobody) groups_.join(static_cast<std::size_t>(other), earlier_.size() + c);
      }
  }

  /// Only for parts that overlap nothing: two lesions side by side stay two.
  void join_near() {
    for (std::size_t c = 0; c < later_.size(); ++c) {
      if (groups_.root(earlier_.size() + c) != earlier_.size() + c) continue;
      const Vec3 p = map_(centroid_of(later_[c], after_.geometry));
      double nearest = kSameLesionMm;
      std::optional<std::size_t> match;
      for (std::size_t e = 0; e < earlier_.size(); ++e) {
        const Vec3 q = centroid_of(earlier_[e], before_.geometry);
        const double distance = std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
        if (distance <= nearest) nearest = distance, match = e;
      }
      if (match) groups_.join(*match, earlier_.size() + c);
    }
  }

  static void add(LesionChange& change, std::size_t number, const Component& component, const Outline& outline,
                  bool earlier) {
    (earlier ? change.before : change.after).push_back(number);
    OutlinedVolume& sum = earlier ? change.volume_before : change.volume_after;
    const OutlinedVolume part = volume_of(component, outline);
    // The largest part of the later outline says where the lesion is.
    const bool first = earlier ? sum.ml == 0 : sum.ml == 0 || part.ml > sum.ml;
    if (first) change.centroid_lps_mm = centroid_of(component, outline.geometry);
    sum.ml += part.ml, sum.shell_ml += part.shell_ml;
  }

  const Outline &before_, &after_;
  Affine map_;
  std::vector<Component> earlier_, later_;
  Groups groups_;
};

}  // namespace

std::string LesionChange::verdict() const {
  if (before.empty()) return "new";
  if (after.empty()) return "vanished";
  if (std::abs(change_ml()) <= uncertainty_ml()) return "no certain change";
  return change_ml() > 0 ? "grown" : "shrunk";
}

std::vector<LesionChange> lesion_changes(const Outline& before, const Outline& after,
                                         const Affine& before_from_after_lps) {
  return Comparison(before, after, before_from_after_lps).run();
}

std::optional<double> change_percent(double before_ml, double after_ml) {
  if (before_ml <= 0) return {};
  return 100 * (after_ml - before_ml) / before_ml;
}

std::optional<double> doubling_days(double before_ml, double after_ml, double days) {
  if (before_ml <= 0 || after_ml <= before_ml) return {};
  return days * std::numbers::ln2 / std::log(after_ml / before_ml);
}

}  // namespace fovea::pipeline::mri
