#include "slide/preview.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fovea::pipeline::slide {
namespace {

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kTileColour{0, 110, 200}, kOutlineColour{20, 150, 20};
constexpr int kTint = 48;  // of 256
constexpr int kOutlineWidth = 3;

void blend(io::Image& picture, int x, int y, const Colour& colour, int strength) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
  std::uint8_t* pixel = picture.at(x, y);
  for (std::size_t c = 0; c < 3; ++c)
    pixel[c] = static_cast<std::uint8_t>((pixel[c] * (256 - strength) + colour[c] * strength) / 256);
}

void draw_tile(io::Image& picture, int x0, int y0, int x1, int y1) {
  const bool outlined = x1 - x0 >= 4;  // else the outline would be all there is
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x)
      blend(picture, x, y, kTileColour, outlined && (x == x0 || y == y0) ? 2 * kTint : kTint);
}

void draw_line(io::Image& picture, double x0, double y0, double x1, double y1) {
  const int steps = std::max(1, static_cast<int>(std::ceil(std::max(std::abs(x1 - x0), std::abs(y1 - y0)))));
  for (int i = 0; i <= steps; ++i) {
    const double t = static_cast<double>(i) / steps;
    const int x = static_cast<int>(std::lround(x0 + t * (x1 - x0))),
              y = static_cast<int>(std::lround(y0 + t * (y1 - y0)));
    for (int dy = 0; dy < kOutlineWidth; ++dy)
      for (int dx = 0; dx < kOutlineWidth; ++dx)
        blend(picture, x + dx - kOutlineWidth / 2, y + dy - kOutlineWidth / 2, kOutlineColour, 256);
  }
}

}  // namespace

void draw_preview(io::Image& picture, const MaskFrame& frame, const Tissue& tissue,
                  std::span<const std::int64_t> coords, double footprint_px) {
  const auto across = [&](double level0_x) { return (level0_x - frame.origin_x) / frame.pixel_px; };
  const auto down = [&](double level0_y) { return (level0_y - frame.origin_y) / frame.pixel_px; };
  for (std::size_t i = 0; i + 1 < coords.size(); i += 2) {
    const auto x = static_cast<double>(coords[i]), y = static_cast<double>(coords[i + 1]);
    draw_tile(picture, static_cast<int>(std::lround(across(x))), static_cast<int>(std::lround(down(y))),
              static_cast<int>(std::lround(across(x + footprint_px))),
              static_cast<int>(std::lround(down(y + footprint_px))));
  }
  for (const io::TissueRegion& region : tissue.regions)
    for (const auto& ring : region.rings)
      for (std::size_t i = 1; i < ring.size(); ++i)
        draw_line(picture, across(ring[i - 1].first), down(ring[i - 1].second), across(ring[i].first),
                  down(ring[i].second));
}

void write_preview(const std::filesystem::path& path, const io::Slide& slide, double mpp_level0, const Tissue& tissue,
                   std::span<const std::int64_t> coords, double footprint_px, const OverviewReading& reading) {
  const OverviewGrid grid = thumbnail_grid(slide.info(), mpp_level0, kPreviewEdge);
  io::Image picture = read_thumbnail(slide, grid, reading);
  draw_preview(picture, grid.frame, tissue, coords, footprint_px);
  io::write_jpeg(path, picture);
}

}  // namespace fovea::pipeline::slide
