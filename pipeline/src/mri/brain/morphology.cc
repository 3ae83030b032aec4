#include "mri/brain/morphology.h"

#include <algorithm>

#include "mri/components.h"
#include "mri/evaluation/distance_transform.h"

namespace fovea::pipeline::mri {
namespace {

/// Rounding must not decide whether a voxel exactly `mm` away counts.
constexpr double kToleranceMm = 1e-6;

std::vector<double> distances_to_value(const Mask& mask, const Vec3& spacing_mm, std::uint8_t value) {
  std::vector<bool> marked(mask.values.size());
  for (std::size_t i = 0; i < marked.size(); ++i) marked[i] = mask.values[i] == value;
  return distances_to(marked, mask.size, spacing_mm);
}

}  // namespace

std::int64_t Mask::count() const {
  return std::count(values.begin(), values.end(), 1);
}

Mask grown(const Mask& mask, const Vec3& spacing_mm, double mm) {
  const std::vector<double> distance = distances_to_value(mask, spacing_mm, 1);
  Mask result{mask.size, std::vector<std::uint8_t>(mask.values.size())};
  for (std::size_t i = 0; i < distance.size(); ++i) result.values[i] = distance[i] <= mm + kToleranceMm;
  return result;
}

Mask shrunk(const Mask& mask, const Vec3& spacing_mm, double mm) {
  const std::vector<double> distance = distances_to_value(mask, spacing_mm, 0);
  Mask result{mask.size, std::vector<std::uint8_t>(mask.values.size())};
  for (std::size_t i = 0; i < distance.size(); ++i) result.values[i] = distance[i] > mm + kToleranceMm;
  return result;
}

Mask largest_piece(const Mask& mask) {
  const auto components = find_components(mask.values, mask.size, Connectivity::k26);
  Mask result{mask.size, std::vector<std::uint8_t>(mask.values.size())};
  const auto largest =
      std::max_element(components.begin(), components.end(),
                       [](const Component& a, const Component& b) { return a.voxels.size() < b.voxels.size(); });
  if (largest == components.end()) return result;
  for (const std::int64_t voxel : largest->voxels) result.values[static_cast<std::size_t>(voxel)] = 1;
  return result;
}

Mask filled(const Mask& mask) {
  const Index3& size = mask.size;
  const std::int64_t stride[3] = {1, size[0], size[0] * size[1]};
  std::vector<std::uint8_t> reached(mask.values.size());
  std::vector<std::int64_t> open;
  const auto reach = [&](std::int64_t voxel) {
    const auto i = static_cast<std::size_t>(voxel);
    if (mask.values[i] == 0 && reached[i] == 0) reached[i] = 1, open.push_back(voxel);
  };
  std::int64_t voxel = 0;
  for (std::int64_t z = 0; z < size[2]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[0]; ++x, ++voxel)
        if (x == 0 || y == 0 || z == 0 || x + 1 == size[0] || y + 1 == size[1] || z + 1 == size[2]) reach(voxel);
  while (!open.empty()) {
    const std::int64_t at = open.back();
    open.pop_back();
    const Index3 index{at % size[0], at / size[0] % size[1], at / (size[0] * size[1])};
    for (std::size_t a = 0; a < 3; ++a) {
      if (index[a] > 0) reach(at - stride[a]);
      if (index[a] + 1 < size[a]) reach(at + stride[a]);
    }
  }
  Mask result{size, std::vector<std::uint8_t>(mask.values.size())};
  for (std::size_t i = 0; i < reached.size(); ++i) result.values[i] = !reached[i];
  return result;
}

}  // namespace fovea::pipeline::mri
