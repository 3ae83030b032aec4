#include "slide/overview.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

#include <fovea/base/error.h>

#include "progress.h"
#include "slide/read_plan.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kBlockPx = 1024;  // source pixels per block edge: 3 MB, a few storage tiles

struct Block {
  std::vector<std::uint8_t> source, source_opaque, opaque;
  io::Image rgb;
};

/// Means of factor x factor source pixels.
void reduce(Block& block, int width, int height, std::int64_t factor) {
  const std::int64_t source_width = width * factor;
  const auto area = static_cast<std::uint32_t>(factor * factor);
  block.rgb = io::Image(width, height, 3);
  block.opaque.assign(static_cast<std::size_t>(width) * height, 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint32_t sums[4]{};
      for (std::int64_t sy = y * factor; sy < (y + 1) * factor; ++sy) {
        const std::size_t start = static_cast<std::size_t>(sy * source_width + x * factor);
        for (std::size_t p = start; p < start + static_cast<std::size_t>(factor); ++p) {
          for (int c = 0; c < 3; ++c) sums[c] += block.source[3 * p + c];
          sums[3] += block.source_opaque[p] != 0;
        }
      }
      for (int c = 0; c < 3; ++c) block.rgb.at(x, y)[c] = static_cast<std::uint8_t>((sums[c] + area / 2) / area);
      block.opaque[static_cast<std::size_t>(y) * width + x] = 2 * sums[3] >= area ? 255 : 0;
    }
  }
}

OverviewGrid grid_of(const io::SlideInfo& info, double pixel_px, double mpp_level0, bool round_up) {
  OverviewGrid grid;
  for (std::size_t i = 0; i < info.levels.size(); ++i)
    if (info.levels[i].downsample <= pixel_px * 1.01) grid.level = static_cast<int>(i);
  const double downsample = info.levels[static_cast<std::size_t>(grid.level)].downsample;
  const double factor = pixel_px / downsample;
  grid.factor =
      std::max<std::int64_t>(1, round_up ? static_cast<std::int64_t>(std::ceil(factor - 0.01)) : rounded_px(factor));
  const double pixel = static_cast<double>(grid.factor) * downsample;
  grid.width = std::max(1, static_cast<int>(std::ceil(static_cast<double>(info.bounds_width) / pixel - 0.01)));
  grid.height = std::max(1, static_cast<int>(std::ceil(static_cast<double>(info.bounds_height) / pixel - 0.01)));
  grid.frame = {static_cast<double>(info.bounds_x), static_cast<double>(info.bounds_y), pixel, mpp_level0 * pixel};
  return grid;
}

}  // namespace

OverviewGrid overview_grid(const io::SlideInfo& info, double pixel_px, double mpp_level0, std::int64_t max_pixels) {
  OverviewGrid grid = grid_of(info, pixel_px, mpp_level0, false);
  const auto too_large = [&] { return static_cast<std::int64_t>(grid.width) * grid.height > max_pixels; };
  for (double coarser = grid.frame.pixel_px * 1.25; too_large(); coarser *= 1.25)
    grid = grid_of(info, coarser, mpp_level0, true);
  return grid;
}

OverviewGrid thumbnail_grid(const io::SlideInfo& info, double mpp_level0, int max_edge) {
  const double longest = static_cast<double>(std::max(info.bounds_width, info.bounds_height));
  return grid_of(info, std::max(1.0, longest / max_edge), mpp_level0, true);
}

std::int64_t read_overview(const io::Slide& slide, const OverviewGrid& grid, const OverviewReading& reading,
                           const std::function<void(const OverviewBlock&)>& sink) {
  const int block = static_cast<int>(std::max<std::int64_t>(1, kBlockPx / grid.factor));
  const int columns = (grid.width + block - 1) / block, rows = (grid.height + block - 1) / block;
  const io::SlideInfo& info = slide.info();
  std::atomic<std::int64_t> done{0}, unreadable{0};
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<int>(0, columns * rows, 1), [&](const auto& range) {
    for (int i = range.begin(); i != range.end(); ++i) {
      throw_if_stopped(reading.stop);
      const int x = i % columns * block, y = i / columns * block;
      const int width = std::min(block, grid.width - x), height = std::min(block, grid.height - y);
      const auto pixels =
          static_cast<std::size_t>(width * grid.factor) * static_cast<std::size_t>(height * grid.factor);
      Block work;
      work.source.resize(3 * pixels), work.source_opaque.resize(pixels);
      try {
        slide.read_region(grid.level, rounded_px(grid.frame.origin_x) + rounded_px(x * grid.frame.pixel_px),
                          rounded_px(grid.frame.origin_y) + rounded_px(y * grid.frame.pixel_px), width * grid.factor,
                          height * grid.factor, work.source, work.source_opaque);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kCorrupt || !reading.allow_unreadable) throw;
        for (std::size_t p = 0; p < pixels; ++p)
          std::copy(info.background.begin(), info.background.end(),
                    work.source.begin() + 3 * static_cast<std::ptrdiff_t>(p));
        std::fill(work.source_opaque.begin(), work.source_opaque.end(), std::uint8_t{0});
        ++unreadable;
      }
      reduce(work, width, height, grid.factor);
      sink({x, y, work.rgb, work.opaque});
      if (reading.progress) reading.progress(static_cast<double>(++done) / (columns * rows));
    }
  });
  return unreadable;
}

io::Image read_thumbnail(const io::Slide& slide, const OverviewGrid& grid, const OverviewReading& reading) {
  io::Image image(grid.width, grid.height, 3);
  read_overview(slide, grid, reading, [&](const OverviewBlock& block) {
    for (int y = 0; y < block.rgb.height; ++y)
      std::copy_n(block.rgb.at(0, y), 3 * block.rgb.width, image.at(block.x, block.y + y));
  });
  return image;
}

}  // namespace fovea::pipeline::slide
