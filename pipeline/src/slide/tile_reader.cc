#include "slide/tile_reader.h"

#include <algorithm>
#include <cmath>

#include <fovea/base/error.h>
#include <fovea/io/image.h>

namespace fovea::pipeline::slide {

/// On levels above 0 the read starts at a whole pixel of the level, or OpenSlide would interpolate.
std::int64_t TileReader::aligned(std::int64_t position) const {
  if (plan_.level == 0) return position;
  return rounded_px(std::round(static_cast<double>(position) / plan_.level_downsample) * plan_.level_downsample);
}

void TileReader::read(std::int64_t x, std::int64_t y, std::span<std::uint8_t> rgb) const {
  if (plan_.read_px == edge_) {
    slide_.read_region(plan_.level, aligned(x), aligned(y), edge_, edge_, rgb);
    return;
  }
  io::Image region(static_cast<int>(plan_.read_px), static_cast<int>(plan_.read_px), 3);
  slide_.read_region(plan_.level, aligned(x), aligned(y), plan_.read_px, plan_.read_px, region.pixels);
  const io::Image tile = io::resize(region, static_cast<int>(edge_), static_cast<int>(edge_));
  std::copy(tile.pixels.begin(), tile.pixels.end(), rgb.begin());
}

bool TileReader::read_or_background(std::int64_t x, std::int64_t y, std::span<std::uint8_t> rgb) const {
  try {
    read(x, y, rgb);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorrupt) throw;
  }
  const auto& background = slide_.info().background;
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = background[i % 3];
  return false;
}

}  // namespace fovea::pipeline::slide
