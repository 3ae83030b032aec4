// Attention as a slide of its own: a pyramidal TIFF in the coordinates of the slide, as grey scores or as colours.
#pragma once

#include <cstdint>
#include <filesystem>

#include <fovea/io/image.h>

#include "slide/heatmap.h"

namespace fovea::pipeline::slide {

/// The map covers the slide from its level-0 origin on.
struct MapGrid {
  double pixel_px = 1;  ///< level-0 pixels per map pixel
  int width = 0, height = 0;
  double mpp = 0;  ///< micrometres per map pixel; 0: unknown
};

/// About 16 map pixels a tile, fewer when the map had more than `max_pixels`. mpp_level0 <= 0: unknown.
MapGrid map_grid(std::int64_t width, std::int64_t height, double footprint_px, double mpp_level0,
                 std::int64_t max_pixels = 64'000'000);

/// 8-bit grey: 0 where no tile lies, else 1 + 254 times the drawn value, rounded; the mean where tiles overlap. The
/// frame of `content` is not looked at.
void write_score_map(const std::filesystem::path& path, const HeatmapContent& content, const MapGrid& grid);

/// Colours over `background`, whose top-left corner lies at (left, top) of the map; white elsewhere. Null: all white.
void write_overlay_map(const std::filesystem::path& path, const HeatmapContent& content, const MapGrid& grid,
                       const HeatmapStyle& style, const io::Image* background, int left, int top);

}  // namespace fovea::pipeline::slide
