#include "tile_products.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <vector>

#include <fovea/base/error.h>

namespace fovea::slicer {
namespace {

constexpr double kMmPerMicrometre = 1e-3;
constexpr std::int64_t kLargestGrid = 1'000'000'000;

std::string number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::vector<float> mean_attention(const io::AttentionFile& tiles) {
  const std::size_t count = tiles.coords.size() / 2;
  std::vector<float> mean(count, 0);
  for (std::size_t i = 0; i < tiles.softmax.size(); ++i)
    mean[i % count] += tiles.softmax[i] / static_cast<float>(tiles.branches);
  return mean;
}

}  // namespace

io::Volume heatmap_volume(const io::AttentionFile& tiles, double step_px, double mpp) {
  const std::size_t count = tiles.coords.size() / 2;
  if (count == 0 || !(step_px > 0) || !(mpp > 0))
    throw Error(ErrorCode::kInternal, "heatmap", "tiles without places cannot be drawn");
  std::array<std::int64_t, 2> first{tiles.coords[0], tiles.coords[1]}, last = first;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t axis = 0; axis < 2; ++axis) {
      first[axis] = std::min(first[axis], tiles.coords[2 * i + axis]);
      last[axis] = std::max(last[axis], tiles.coords[2 * i + axis]);
    }
  io::Volume volume;
  const double step_mm = step_px * mpp * kMmPerMicrometre;
  volume.geometry.spacing_mm = {step_mm, step_mm, step_mm};
  volume.geometry.size[2] = 1;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    volume.geometry.size[axis] = std::llround(static_cast<double>(last[axis] - first[axis]) / step_px) + 1;
    volume.geometry.origin_mm[axis] =
        (static_cast<double>(first[axis]) + tiles.footprint_px / 2) * mpp * kMmPerMicrometre;
  }
  if (volume.geometry.voxels() > kLargestGrid)
    throw Error(ErrorCode::kOutOfMemory, "heatmap", "the tiles span too large a grid", "Lower the overlap.");
  volume.values.assign(static_cast<std::size_t>(volume.geometry.voxels()), -1.0F);
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = std::llround(static_cast<double>(tiles.coords[2 * i] - first[0]) / step_px),
               y = std::llround(static_cast<double>(tiles.coords[2 * i + 1] - first[1]) / step_px);
    float& voxel = volume.values[static_cast<std::size_t>(y * volume.geometry.size[0] + x)];
    voxel = std::max(voxel, tiles.value[i]);
  }
  return volume;
}

std::string tile_table(const io::AttentionFile& tiles, double mpp) {
  const std::vector<float> attention = mean_attention(tiles);
  std::vector<std::size_t> order(attention.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return attention[a] > attention[b]; });
  std::string text = "x_px,y_px,centre_x_mm,centre_y_mm,attention," + tiles.value_name + "\n";
  for (const std::size_t i : order) {
    text += std::to_string(tiles.coords[2 * i]) + "," + std::to_string(tiles.coords[2 * i + 1]);
    for (std::size_t axis = 0; axis < 2; ++axis)
      text += "," + number((static_cast<double>(tiles.coords[2 * i + axis]) + tiles.footprint_px / 2) * mpp *
                           kMmPerMicrometre);
    text += "," + number(attention[i]) + "," + number(tiles.value[i]) + "\n";
  }
  return text;
}

}  // namespace fovea::slicer
