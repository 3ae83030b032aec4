#include "mri/resample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <tbb/parallel_for.h>

#include <fovea/base/error.h>

#include "progress.h"

namespace fovea::pipeline::mri {
namespace {

/// Rounding of the affines must not push the outermost plane out of the image: a millionth of a voxel is no distance.
constexpr double kTolerance = 1e-6;

class Sampler {
 public:
  Sampler(const Grid& source, Outside outside)
      : source_(source),
        margin_(outside == Outside::kZero ? kTolerance : 0.5 + kTolerance),
        stride_{1, source.size[0], source.size[0] * source.size[1]} {}

  double linear(const Vec3& at) const {
    std::int64_t low[3];
    double part[3];
    for (std::size_t a = 0; a < 3; ++a) {
      const auto last = static_cast<double>(source_.size[a] - 1);
      if (!(at[a] >= -margin_ && at[a] <= last + margin_)) return 0;
      const double inside = std::clamp(at[a], 0.0, last);
      low[a] = std::min(static_cast<std::int64_t>(inside), std::max<std::int64_t>(source_.size[a] - 2, 0));
      part[a] = inside - static_cast<double>(low[a]);
    }
    const float* first = source_.values.data() + low[0] + low[1] * stride_[1] + low[2] * stride_[2];
    const std::int64_t dx = source_.size[0] > 1 ? 1 : 0, dy = source_.size[1] > 1 ? stride_[1] : 0,
                       dz = source_.size[2] > 1 ? stride_[2] : 0;
    const auto along_x = [&](const float* p) { return p[0] + part[0] * (static_cast<double>(p[dx]) - p[0]); };
    const auto along_y = [&](const float* p) {
      const double near = along_x(p);
      return near + part[1] * (along_x(p + dy) - near);
    };
    const double near = along_y(first);
    return near + part[2] * (along_y(first + dz) - near);
  }

  double nearest(const Vec3& at) const {
    std::int64_t index = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const auto last = static_cast<double>(source_.size[a] - 1);
      if (!(at[a] >= -margin_ && at[a] <= last + margin_)) return 0;
      index += stride_[a] * static_cast<std::int64_t>(std::clamp(std::floor(at[a] + 0.5), 0.0, last));
    }
    return source_.values[static_cast<std::size_t>(index)];
  }

 private:
  const Grid& source_;
  double margin_;
  std::int64_t stride_[3];
};

}  // namespace

Lattice axis_aligned_lattice(const Index3& size, const Affine& affine, const Vec3& spacing_mm, double max_voxels) {
  Vec3 low, high;
  low.fill(std::numeric_limits<double>::infinity()), high.fill(-std::numeric_limits<double>::infinity());
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t a = 0; a < 3; ++a) index[a] = corner >> a & 1 ? static_cast<double>(size[a] - 1) : 0.0;
    const Vec3 point = affine(index);
    for (std::size_t a = 0; a < 3; ++a) low[a] = std::min(low[a], point[a]), high[a] = std::max(high[a], point[a]);
  }
  Lattice lattice;
  double voxels = 1;
  for (std::size_t a = 0; a < 3; ++a) {
    const double count = std::ceil((high[a] - low[a]) / spacing_mm[a]) + 1;
    voxels *= count;
    lattice.size[a] = static_cast<std::int64_t>(std::min(count, 1e9));
  }
  if (voxels > max_voxels)
    throw Error(ErrorCode::kOutOfMemory, "resampling",
                "the model's voxel spacing would make " + std::to_string(static_cast<std::int64_t>(voxels / 1e6)) +
                    " million voxels of this volume",
                "Check the volume's spacing and the model's output_spacing.");
  lattice.ras_from_index = scaling(spacing_mm, low);
  return lattice;
}

Grid resample(const Grid& source, const Affine& source_from_target, const Index3& target_size,
              Interpolation interpolation, Outside outside, const std::stop_token& stop) {
  const Sampler sampler(source, outside);
  Grid target(target_size);
  tbb::parallel_for(std::int64_t{0}, target_size[2], [&](std::int64_t z) {
    if (stop.stop_requested()) return;
    for (std::int64_t y = 0; y < target_size[1]; ++y) {
      float* row = target.values.data() + target.at(0, y, z);
      for (std::int64_t x = 0; x < target_size[0]; ++x) {
        const Vec3 at = source_from_target({static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
        row[x] = static_cast<float>(interpolation == Interpolation::kLinear ? sampler.linear(at) : sampler.nearest(at));
      }
    }
  });
  throw_if_stopped(stop);
  return target;
}

}  // namespace fovea::pipeline::mri
