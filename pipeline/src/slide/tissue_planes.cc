#include "slide/tissue_planes.h"

#include <algorithm>
#include <mutex>

#include "slide/mask_ops.h"

namespace fovea::pipeline::slide {
namespace {

constexpr int kDarkBorder = 40;        // median grey of the border band below which the background is dark
constexpr double kBorderShare = 0.02;  // of the shorter edge

}  // namespace

TissuePlanes read_planes(const io::Slide& slide, const OverviewGrid& grid, std::uint8_t (*feature)(const std::uint8_t*),
                         const OverviewReading& reading) {
  TissuePlanes planes{io::Image(grid.width, grid.height, 1), io::Image(grid.width, grid.height, 1)};
  const int band = std::max(1, static_cast<int>(kBorderShare * std::min(grid.width, grid.height)));
  std::mutex mutex;
  planes.unreadable = read_overview(slide, grid, reading, [&](const OverviewBlock& block) {
    std::array<std::int64_t, 256> border{};
    for (int y = 0; y < block.rgb.height; ++y) {
      for (int x = 0; x < block.rgb.width; ++x) {
        const std::uint8_t* rgb = block.rgb.at(x, y);
        const int at_x = block.x + x, at_y = block.y + y;
        const bool opaque = block.opaque[static_cast<std::size_t>(y) * block.rgb.width + x] != 0;
        const bool scanned = opaque && (rgb[0] | rgb[1] | rgb[2]) != 0;
        const std::uint8_t level = grey(rgb);
        *planes.grey.at(at_x, at_y) = opaque ? level : 0;
        *planes.feature.at(at_x, at_y) = scanned ? feature(rgb) : 0;
        if (opaque && std::min({at_x, at_y, grid.width - 1 - at_x, grid.height - 1 - at_y}) < band) ++border[level];
      }
    }
    std::lock_guard lock(mutex);
    for (int i = 0; i < 256; ++i) planes.border[i] += border[i];
  });
  return planes;
}

bool dark_background(const TissuePlanes& planes) {
  for (std::int64_t count : planes.border)
    if (count > 0) return median_level(planes.border) < kDarkBorder;
  return false;
}

}  // namespace fovea::pipeline::slide
