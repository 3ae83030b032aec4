#include "slide/tile_grid.h"

#include <algorithm>
#include <cmath>

#include <fovea/base/error.h>

#include "slide/clam_tiles.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

/// Summed-area table of some mask rows; the integral of the mask over any rectangle within them, in mask pixels.
class MaskStrip {
 public:
  MaskStrip(const io::Image& mask, double top, double bottom)
      : first_row_(std::clamp(static_cast<int>(std::floor(top)), 0, mask.height)), width_(mask.width) {
    rows_ = std::clamp(static_cast<int>(std::ceil(bottom)), first_row_, mask.height) - first_row_;
    sums_.assign(static_cast<std::size_t>(rows_ + 1) * (width_ + 1), 0);
    for (int y = 0; y < rows_; ++y) {
      std::uint32_t in_row = 0;
      for (int x = 0; x < width_; ++x) {
        in_row += *mask.at(x, first_row_ + y) != 0;
        sums_[index(x + 1, y + 1)] = sums_[index(x + 1, y)] + in_row;
      }
    }
  }
  double integral(double x0, double y0, double x1, double y1) const {
    return corner(x1, y1) - corner(x0, y1) - corner(x1, y0) + corner(x0, y0);
  }

 private:
  std::size_t index(int x, int y) const { return static_cast<std::size_t>(y) * (width_ + 1) + x; }
  /// Bilinear between table entries is exact, because the mask is constant over each pixel.
  double corner(double x, double y) const {
    x = std::clamp(x, 0.0, static_cast<double>(width_)),
    y = std::clamp(y - first_row_, 0.0, static_cast<double>(rows_));
    const int x0 = std::min(static_cast<int>(x), std::max(0, width_ - 1)),
              y0 = std::min(static_cast<int>(y), std::max(0, rows_ - 1));
    const int x1 = std::min(x0 + 1, width_), y1 = std::min(y0 + 1, rows_);
    const double fx = x - x0, fy = y - y0;
    return (1 - fy) * ((1 - fx) * sums_[index(x0, y0)] + fx * sums_[index(x1, y0)]) +
           fy * ((1 - fx) * sums_[index(x0, y1)] + fx * sums_[index(x1, y1)]);
  }
  int first_row_, width_, rows_ = 0;
  std::vector<std::uint32_t> sums_;
};

/// Length of [position, position + footprint) inside [0, limit).
double inside(std::int64_t position, std::int64_t footprint, std::int64_t limit) {
  return static_cast<double>(std::max<std::int64_t>(0, std::min(position + footprint, limit) - position));
}

}  // namespace

TileGrid select_tiles(const io::SlideInfo& info, const ReadPlan& plan, const Tissue& tissue, double min_tissue,
                      const std::string& subject) {
  if (!tissue.clam.empty()) return clam_tiles(plan, tissue, subject);
  TileGrid grid;
  const bool masked = !tissue.mask.pixels.empty();
  const double pixel = tissue.grid.frame.pixel_px, footprint = static_cast<double>(plan.footprint_px);
  for (std::int64_t y = 0; y < info.bounds_height; y += plan.step_px) {
    const double inside_y = inside(y, plan.footprint_px, info.bounds_height);
    if (2 * inside_y < footprint) break;
    const double top = static_cast<double>(y) / pixel, bottom = static_cast<double>(y + plan.footprint_px) / pixel;
    const MaskStrip strip(tissue.mask, top, masked ? bottom : top);
    for (std::int64_t x = 0; x < info.bounds_width; x += plan.step_px) {
      if (2 * inside_y * inside(x, plan.footprint_px, info.bounds_width) < footprint * footprint) break;
      ++grid.inside_slide;
      if (masked) {
        const double left = static_cast<double>(x) / pixel, right = static_cast<double>(x + plan.footprint_px) / pixel;
        const double share = strip.integral(left, top, right, bottom) / ((right - left) * (bottom - top));
        grid.largest_share = std::max(grid.largest_share, share);
        if (min_tissue > 0 ? share < min_tissue : share <= 1e-9) continue;
      }
      grid.coords.push_back(info.bounds_x + x), grid.coords.push_back(info.bounds_y + y);
    }
  }
  if (grid.coords.empty() && grid.inside_slide == 0)
    throw Error(ErrorCode::kNoTissue, subject,
                "the slide is smaller than half a tile of " + std::to_string(plan.footprint_px) + " level-0 pixels",
                "Choose a smaller --tile or a finer --target-mpp.");
  if (grid.coords.empty())
    throw Error(ErrorCode::kNoTissue, subject,
                "tissue was found, but no tile is covered by it enough: at most " +
                    number_text(100 * grid.largest_share, 2) + " %, the limit is " + number_text(100 * min_tissue, 2) +
                    " %",
                "Lower --min-tissue.");
  return grid;
}

}  // namespace fovea::pipeline::slide
