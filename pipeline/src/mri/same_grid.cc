#include "mri/same_grid.h"

#include <algorithm>
#include <cmath>

namespace fovea::pipeline::mri {
namespace {

constexpr double kSameGridVoxels = 0.05;

}  // namespace

std::string size_text(const Index3& size) {
  return std::to_string(size[0]) + " x " + std::to_string(size[1]) + " x " + std::to_string(size[2]);
}

bool same_grid(const io::Geometry& a, const io::Geometry& b) {
  if (a.size != b.size) return false;
  const double voxel = *std::min_element(a.spacing_mm.begin(), a.spacing_mm.end());
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t i = 0; i < 3; ++i) index[i] = corner >> i & 1 ? static_cast<double>(a.size[i] - 1) : 0.0;
    const Vec3 p = a.point_lps(index), q = b.point_lps(index);
    if (std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) > kSameGridVoxels * voxel) return false;
  }
  return true;
}

}  // namespace fovea::pipeline::mri
