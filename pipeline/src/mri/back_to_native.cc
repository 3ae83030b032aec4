#include "mri/back_to_native.h"

#include "mri/resize.h"

namespace fovea::pipeline::mri {
namespace {

Affine lattice_from_crop(const Placement& p) {
  return compose(inverse(p.lattice.ras_from_index), p.crop_ras_from_index);
}

/// net = (i + 0.5) * net_size / lattice_size - 0.5
Affine network_from_lattice(const Placement& p) {
  Vec3 scale, offset;
  for (std::size_t a = 0; a < 3; ++a) {
    scale[a] = static_cast<double>(p.network_size[a]) / static_cast<double>(p.lattice.size[a]);
    offset[a] = 0.5 * scale[a] - 0.5;
  }
  return scaling(scale, offset);
}

}  // namespace

Grid to_native(const Grid& on_network, const Placement& p, Compat compat, Interpolation interpolation,
               const std::stop_token& stop) {
  Grid crop;
  if (compat == Compat::kRaidionics) {
    const Grid on_lattice = resize(on_network, p.lattice.size, Alignment::kCorners, interpolation);
    crop = resample(on_lattice, lattice_from_crop(p), p.crop.size(), interpolation, Outside::kZero, stop);
  } else {
    crop = resample(on_network, compose(network_from_lattice(p), lattice_from_crop(p)), p.crop.size(), interpolation,
                    Outside::kHalfVoxel, stop);
  }
  return p.crop == whole(p.native_size) ? crop : paste(crop, p.crop, p.native_size);
}

}  // namespace fovea::pipeline::mri
