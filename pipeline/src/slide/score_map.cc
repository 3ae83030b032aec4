#include "slide/score_map.h"

#include <algorithm>
#include <cmath>

#include <fovea/io/pyramid_tiff.h>

namespace fovea::pipeline::slide {
namespace {

constexpr double kPixelsPerTile = 16;

/// What of the content falls on the rows from y on.
HeatmapContent band_of(const HeatmapContent& content, const MapGrid& grid, int y) {
  HeatmapContent band = content;
  band.frame = {0, y * grid.pixel_px, grid.pixel_px, grid.mpp};
  return band;
}

void paste(io::Image& band, int y, const io::Image& background, int left, int top) {
  const int first = std::max(0, -left), last = std::min(background.width, band.width - left);
  if (last <= first) return;
  for (int row = 0; row < band.height; ++row) {
    const int from = y + row - top;
    if (from < 0 || from >= background.height) continue;
    std::copy_n(background.at(first, from), 3 * (last - first), band.at(left + first, row));
  }
}

}  // namespace

MapGrid map_grid(std::int64_t width, std::int64_t height, double footprint_px, double mpp_level0,
                 std::int64_t max_pixels) {
  MapGrid grid;
  grid.pixel_px = std::max(1.0, std::round(footprint_px / kPixelsPerTile));
  const auto edge = [&](std::int64_t length) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(static_cast<double>(length) / grid.pixel_px)));
  };
  while (edge(width) * edge(height) > max_pixels) grid.pixel_px *= 2;
  grid.width = static_cast<int>(edge(width)), grid.height = static_cast<int>(edge(height));
  grid.mpp = mpp_level0 > 0 ? mpp_level0 * grid.pixel_px : 0;
  return grid;
}

void write_score_map(const std::filesystem::path& path, const HeatmapContent& content, const MapGrid& grid) {
  io::write_pyramid_tiff(
      path, {grid.width, grid.height, 1, grid.mpp, "attention; 0 = no tile, 1..255 = low..high"}, [&](int y, int rows) {
        const ScoreBand scores = score_band(band_of(content, grid, y), grid.width, 0, rows);
        io::Image band(grid.width, rows, 1);
        for (std::size_t i = 0; i < scores.count.size(); ++i)
          if (scores.count[i] > 0)
            band.pixels[i] = static_cast<std::uint8_t>(1 + std::lround(254 * std::clamp(scores.mean(i), 0.0, 1.0)));
        return band;
      });
}

void write_overlay_map(const std::filesystem::path& path, const HeatmapContent& content, const MapGrid& grid,
                       const HeatmapStyle& style, const io::Image* background, int left, int top) {
  io::write_pyramid_tiff(path, {grid.width, grid.height, 3, grid.mpp, "attention over the slide"},
                         [&](int y, int rows) {
                           io::Image band(grid.width, rows, 3, 255);
                           if (background) paste(band, y, *background, left, top);
                           draw_attention(band, band_of(content, grid, y), style);
                           return band;
                         });
}

}  // namespace fovea::pipeline::slide
