#include "mri/recurrent_stack.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/zeros.h>

#include "mri/grid_tensor.h"
#include "mri/intensity.h"
#include "mri/resize.h"
#include "progress.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kThicker = 1.01;

/// The R, A, S axis that slices run along.
std::size_t slice_axis(const Vec3& spacing_mm) {
  std::size_t thickest = 2;
  for (const std::size_t axis : {std::size_t{1}, std::size_t{0}})
    if (spacing_mm[axis] > kThicker * spacing_mm[thickest]) thickest = axis;
  return thickest;
}

/// [X][Y][S] at native pixels.
Grid turned(const Grid& native, const StackPlacement& p) {
  return permuted(to_canonical(native, p.canonical), p.order);
}

Grid prepared(const Grid& native, const StackPlacement& placement, const Preprocessing& p) {
  Grid content = resize_antialiased(turned(native, placement), placement.content, Interpolation::kLinear);
  if (p.normalisation == Normalisation::kZeroMeanNonzero) {
    standardise_foreground(content, p.clipping_percentiles);
  } else {
    normalise(content, p);
  }
  return centred(content, placement.size);
}

}  // namespace

StackPlacement place_stack(const io::Geometry& reference, const Preprocessing& p, std::int64_t divisor,
                           StackCanvas canvas) {
  StackPlacement placement;
  placement.native_size = reference.size;
  placement.canonical = canonical_axes(ras_from_index(reference));
  const auto native_axis = [&](std::size_t world) { return static_cast<std::size_t>(placement.canonical.axis[world]); };
  Vec3 spacing;
  for (std::size_t world = 0; world < 3; ++world) spacing[world] = reference.spacing_mm[native_axis(world)];
  const std::size_t slices = slice_axis(spacing);
  placement.order = slices == 0   ? std::array<int, 3>{1, 2, 0}
                    : slices == 1 ? std::array<int, 3>{0, 2, 1}
                                  : std::array<int, 3>{0, 1, 2};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto world = static_cast<std::size_t>(placement.order[a]);
    const std::int64_t voxels = reference.size[native_axis(world)];
    placement.spacing_mm[a] = spacing[world];
    placement.content[a] = placement.size[a] = voxels;
    if (a == 2) break;
    if (p.slice_spacing_mm > 0) {
      placement.content[a] =
          std::max<std::int64_t>(1, std::llround(static_cast<double>(voxels) * spacing[world] / p.slice_spacing_mm));
      placement.spacing_mm[a] =
          static_cast<double>(voxels) * spacing[world] / static_cast<double>(placement.content[a]);
    }
    const bool fixed = canvas == StackCanvas::kFixed && p.slice_size > 0;
    const std::int64_t least = fixed ? p.slice_size : std::max(p.slice_size, placement.content[a]);
    placement.size[a] = (least + divisor - 1) / divisor * divisor;
  }
  return placement;
}

RecurrentStack make_stack(const std::vector<const Grid*>& modalities, const StackPlacement& placement,
                          const Preprocessing& p, const std::stop_token& stop) {
  const auto count = static_cast<std::int64_t>(modalities.size());
  RecurrentStack stack{at::zeros({count, placement.size[0], placement.size[1], placement.size[2]}, at::kFloat),
                       at::zeros({count}, at::kBool)};
  for (std::int64_t m = 0; m < count; ++m) {
    throw_if_stopped(stop);
    const Grid* grid = modalities[static_cast<std::size_t>(m)];
    if (!grid) continue;
    const Grid canvas = prepared(*grid, placement, p);
    stack.x[m].copy_(view_of(canvas));
    stack.present[m].fill_(true);
  }
  return stack;
}

at::Tensor stack_labels(const Grid& labels, const StackPlacement& placement) {
  const Grid content =
      resize(turned(labels, placement), placement.content, Alignment::kHalfPixel, Interpolation::kNearest);
  return view_of(centred(content, placement.size)).to(at::kLong).contiguous();
}

Grid from_stack(const at::Tensor& map, const StackPlacement& placement, Interpolation interpolation) {
  Index3 turned_size = placement.native_size;
  for (std::size_t a = 0; a < 3; ++a)
    turned_size[a] = placement.native_size[static_cast<std::size_t>(
        placement.canonical.axis[static_cast<std::size_t>(placement.order[a])])];
  const Grid native_pixels =
      resize(centred(grid_of(map), placement.content), turned_size, Alignment::kHalfPixel, interpolation);
  return from_canonical(permuted(native_pixels, inverse_order(placement.order)), placement.canonical);
}

}  // namespace fovea::pipeline::mri
