#include "mri/crop.h"

#include <algorithm>
#include <cmath>

#include <fovea/base/error.h>

#include "mri/components.h"

namespace fovea::pipeline::mri {
namespace {

template <class Inside>
Box bounding_box(const Index3& size, Inside inside) {
  Box box{size, {0, 0, 0}};
  std::size_t i = 0;
  for (std::int64_t z = 0; z < size[2]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[0]; ++x, ++i) {
        if (!inside(i)) continue;
        const Index3 at{x, y, z};
        for (std::size_t a = 0; a < 3; ++a)
          box.begin[a] = std::min(box.begin[a], at[a]), box.end[a] = std::max(box.end[a], at[a] + 1);
      }
  return box;
}

}  // namespace

Box foreground_box(const Grid& volume, Compat compat, const std::string& subject) {
  const auto [low, high] = std::minmax_element(volume.values.begin(), volume.values.end());
  if (volume.values.empty() || *low == *high)
    throw Error(ErrorCode::kNoTissue, subject, "every voxel has the same value, so there is no head in this volume",
                "Check that the right series was exported.");
  const double fifth = 0.2 * (static_cast<double>(*high) - *low);
  const double threshold = compat == Compat::kRaidionics ? std::trunc(fifth) : *low + fifth;
  return bounding_box(volume.size, [&](std::size_t i) { return volume.values[i] >= threshold; });
}

BrainMask brain_mask(const Grid& mask, const std::string& subject) {
  std::vector<std::uint8_t> binary(mask.values.size());
  // Truncated to whole numbers first, as the published pipeline does: 0.5 of a resampled mask is outside.
  std::transform(mask.values.begin(), mask.values.end(), binary.begin(), [](float v) { return v >= 1 ? 1 : 0; });
  const std::vector<Component> parts = find_components(binary, mask.size, Connectivity::k6);
  if (parts.empty())
    throw Error(ErrorCode::kNoTissue, subject, "the brain mask holds no voxel above 0",
                "Give the mask that belongs to this volume.");
  const auto largest = std::max_element(parts.begin(), parts.end(),
                                        [](const auto& a, const auto& b) { return a.voxels.size() < b.voxels.size(); });
  const Box box = largest->box;
  BrainMask result;
  result.inside.resize(binary.size());
  std::size_t i = 0;
  for (std::int64_t z = 0; z < mask.size[2]; ++z)
    for (std::int64_t y = 0; y < mask.size[1]; ++y)
      for (std::int64_t x = 0; x < mask.size[0]; ++x, ++i)
        result.inside[i] = binary[i] && x >= box.begin[0] && x < box.end[0] && y >= box.begin[1] && y < box.end[1] &&
                           z >= box.begin[2] && z < box.end[2];
  result.box = box;
  return result;
}

void keep_inside(Grid& part, const Index3& size, const BrainMask& mask) {
  std::size_t i = 0;
  for (std::int64_t z = 0; z < part.size[2]; ++z)
    for (std::int64_t y = 0; y < part.size[1]; ++y) {
      const std::int64_t row =
          ((mask.box.begin[2] + z) * size[1] + mask.box.begin[1] + y) * size[0] + mask.box.begin[0];
      for (std::int64_t x = 0; x < part.size[0]; ++x, ++i)
        if (!mask.inside[static_cast<std::size_t>(row + x)]) part.values[i] = 0;
    }
}

}  // namespace fovea::pipeline::mri
