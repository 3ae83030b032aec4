#include "mri/view/view_grid.h"

#include <fovea/io/colormap.h>

#include "mri/grid.h"
#include "mri/label_colours.h"
#include "mri/same_grid.h"

namespace fovea::pipeline {
namespace {

IndexMap map_of(const mri::Affine& affine) {
  return {affine.linear, affine.offset};
}

}  // namespace

namespace mri {

ViewGrid view_grid(const io::Geometry& file) {
  const Canonical order = canonical_axes(ras_from_index(file));
  ViewGrid grid;
  Vec3 first{};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto from = static_cast<std::size_t>(order.axis[a]);
    const bool flipped = a < 2 ? !order.flipped[a] : order.flipped[a];  // towards left and posterior, not R and A
    grid.axes.axis[a] = order.axis[a], grid.axes.flipped[a] = flipped;
    grid.geometry.size[a] = file.size[from];
    grid.geometry.spacing_mm[a] = file.spacing_mm[from];
    for (std::size_t r = 0; r < 3; ++r)
      grid.geometry.direction[3 * r + a] = (flipped ? -1 : 1) * file.direction[3 * r + from];
    if (flipped) first[from] = static_cast<double>(file.size[from] - 1);
  }
  grid.geometry.origin_mm = file.point_lps(first);
  return grid;
}

}  // namespace mri

bool ViewGrid::contains(const ViewIndex& at) const {
  for (std::size_t a = 0; a < 3; ++a)
    if (at[a] < 0 || at[a] >= geometry.size[a]) return false;
  return true;
}

ViewIndex ViewGrid::file_index(const ViewIndex& at) const {
  ViewIndex file{};
  for (std::size_t a = 0; a < 3; ++a)
    file[static_cast<std::size_t>(axes.axis[a])] = axes.flipped[a] ? geometry.size[a] - 1 - at[a] : at[a];
  return file;
}

IndexMap index_from_lps(const io::Geometry& geometry) {
  return map_of(mri::inverse(mri::lps_from_index(geometry)));
}

IndexMap index_from_index(const io::Geometry& to, const io::Geometry& from) {
  return map_of(mri::compose(mri::inverse(mri::lps_from_index(to)), mri::lps_from_index(from)));
}

bool same_view_grid(const io::Geometry& a, const io::Geometry& b) {
  return mri::same_grid(a, b);
}

std::uint32_t label_colour(int label) {
  std::uint32_t rgb = 0;
  for (const double part :
       mri::kLabelColours[static_cast<std::size_t>(std::max(label - 1, 0)) % mri::kLabelColours.size()])
    rgb = rgb << 8 | static_cast<std::uint32_t>(part * 255 + 0.5);
  return rgb;
}

}  // namespace fovea::pipeline
