// A slide reduced to overview size, block by block: level 0 is never held in memory, whatever levels the file has.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>

#include <fovea/io/image.h>
#include <fovea/io/slide.h>

#include "slide/contours.h"

namespace fovea::pipeline::slide {

/// One overview pixel is the mean of factor x factor pixels of `level`.
struct OverviewGrid {
  int level = 0;
  std::int64_t factor = 1;
  int width = 0, height = 0;
  MaskFrame frame;
};

/// The greatest level that is finer than `pixel_px` level-0 pixels per overview pixel (1 % grace), reduced by a whole
/// factor to about that; coarser when the overview would exceed `max_pixels`. Covers the scanned bounds. `mpp_level0`
/// <= 0: unknown.
OverviewGrid overview_grid(const io::SlideInfo& info, double pixel_px, double mpp_level0, std::int64_t max_pixels);

/// The finest grid whose longer edge has at most `max_edge` pixels.
OverviewGrid thumbnail_grid(const io::SlideInfo& info, double mpp_level0, int max_edge);

/// A block at (x, y) of the overview. `opaque` is 0 where more than half of a pixel is not on the slide.
struct OverviewBlock {
  int x = 0, y = 0;
  const io::Image& rgb;
  std::span<const std::uint8_t> opaque;
};

struct OverviewReading {
  bool allow_unreadable = false;  ///< blocks that cannot be read become background
  std::stop_token stop;
  std::function<void(double)> progress;  ///< 0..1, called from several threads
};

/// Calls `sink` for every block, from several threads at once; blocks never overlap. Returns the number of unreadable
/// blocks.
std::int64_t read_overview(const io::Slide& slide, const OverviewGrid& grid, const OverviewReading& reading,
                           const std::function<void(const OverviewBlock&)>& sink);

io::Image read_thumbnail(const io::Slide& slide, const OverviewGrid& grid, const OverviewReading& reading);

}  // namespace fovea::pipeline::slide
