#include "mri/back_to_native.h"

#include <algorithm>

#include "mri/resize.h"

namespace fovea::pipeline::mri {
namespace {

constexpr std::int64_t kPartVoxels = 4 << 20;

Affine lattice_from_crop(const Placement& p) {
  return compose(inverse(p.lattice.ras_from_index), p.crop_ras_from_index);
}

}  // namespace

void in_parts(const Box& crop, const std::function<Grid(const Affine&, const Index3&)>& make, const TakePart& take) {
  const Index3 size = crop.size(), at = crop.begin;
  const std::int64_t planes = std::max<std::int64_t>(1, kPartVoxels / (size[0] * size[1]));
  for (std::int64_t z = 0; z < size[2]; z += planes)
    take(make(scaling({1, 1, 1}, {0, 0, static_cast<double>(z)}), {size[0], size[1], std::min(planes, size[2] - z)}),
         {at[0], at[1], at[2] + z});
}

void to_native(const Grid& on_network, const Placement& p, Compat compat, Interpolation interpolation,
               const TakePart& take, const std::stop_token& stop) {
  const bool published = compat == Compat::kRaidionics;
  const Grid on_lattice = published ? resize(on_network, p.lattice.size, Alignment::kCorners, interpolation) : Grid();
  const Grid& source = published ? on_lattice : on_network;
  const Affine source_from_crop =
      published ? lattice_from_crop(p) : compose(over_same_box(p.lattice.size, p.network_size), lattice_from_crop(p));
  in_parts(
      p.crop,
      [&](const Affine& crop_from_part, const Index3& size) {
        return resample(source, compose(source_from_crop, crop_from_part), size, interpolation,
                        published ? Outside::kZero : Outside::kHalfVoxel, stop);
      },
      take);
}

}  // namespace fovea::pipeline::mri
