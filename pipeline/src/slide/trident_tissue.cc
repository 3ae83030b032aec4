#include "slide/trident_tissue.h"

#include <algorithm>

#include <fovea/base/error.h>

#include "slide/contours.h"
#include "slide/mask_ops.h"
#include "slide/tissue_planes.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr double kMaskMpp = 8;  // 1.25x
constexpr std::int64_t kMaxMaskPixels = 64'000'000;
constexpr int kWindow = 512;
constexpr int kGreySaturation = 10, kGreyValue = 70, kDarkValue = 85;
constexpr std::int64_t kMinObject = 60, kMaxFilledHole = 5000;  // mask pixels, in a window
constexpr double kMinRegion = 1000, kRegionHeight = 2000;       // pixels of a mask of that height

/// How dark a pixel is, 0 = white; grey and dark pixels count as white: dust, pen and coverslip edges.
std::uint8_t darkness(const std::uint8_t* rgb) {
  const int value = std::max({rgb[0], rgb[1], rgb[2]});
  const bool white = value <= kDarkValue || (saturation(rgb) <= kGreySaturation && value >= kGreyValue);
  return white ? std::uint8_t{0} : static_cast<std::uint8_t>(255 - grey(rgb));
}

io::Image cut(const io::Image& plane, int x, int y) {
  io::Image window(std::min(kWindow, plane.width - x), std::min(kWindow, plane.height - y), 1);
  for (int row = 0; row < window.height; ++row) std::copy_n(plane.at(x, y + row), window.width, window.at(0, row));
  return window;
}

io::Image window_mask(const io::Image& window) {
  io::Image mask = window;
  binarise(mask, otsu_threshold(histogram(window)));
  const Components objects(mask, true);
  objects.paint(mask, 0, [&](std::size_t i) { return objects.area_px(i) < kMinObject; });
  io::Image masked = window;
  for (std::size_t i = 0; i < masked.pixels.size(); ++i) masked.pixels[i] &= mask.pixels[i];
  binarise(masked, otsu_threshold(histogram(masked)));
  const Components holes(masked, false);
  holes.paint(masked, 255,
              [&](std::size_t i) { return !holes.touches_border(i) && holes.area_px(i) < kMaxFilledHole; });
  return masked;
}

}  // namespace

Tissue trident_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions&, const OverviewReading& reading,
                      const std::string& subject) {
  Tissue tissue;
  tissue.method = "TRIDENT: Otsu in windows of 512 px at 8 um/px";
  tissue.grid = overview_grid(slide.info(), kMaskMpp / mpp_level0, mpp_level0, kMaxMaskPixels);
  const TissuePlanes planes = read_planes(slide, tissue.grid, darkness, reading);
  tissue.unreadable_blocks = planes.unreadable;
  if (dark_background(planes))
    tissue.notices.push_back("dark background: looks like fluorescence, for which TRIDENT's rule is not meant");
  tissue.mask = io::Image(tissue.grid.width, tissue.grid.height, 1);
  for (int y = 0; y < tissue.grid.height; y += kWindow) {
    for (int x = 0; x < tissue.grid.width; x += kWindow) {
      const io::Image window = window_mask(cut(planes.feature, x, y));
      for (int row = 0; row < window.height; ++row)
        std::copy_n(window.at(0, row), window.width, tissue.mask.at(x, y + row));
    }
  }
  const auto marked = std::count(tissue.mask.pixels.begin(), tissue.mask.pixels.end(), std::uint8_t{255});
  tissue.fraction_before_cleaning = static_cast<double>(marked) / static_cast<double>(tissue.mask.pixels.size());

  const double zoom = kRegionHeight / tissue.grid.height,
               pixel_mm2 = tissue.grid.frame.mpp * tissue.grid.frame.mpp * 1e-6;
  const Components regions(tissue.mask, true);
  for (std::size_t i = 0; i < regions.count(); ++i)
    tissue.largest_mm2 = std::max(tissue.largest_mm2, static_cast<double>(regions.area_px(i)) * pixel_mm2);
  regions.paint(tissue.mask, 0,
                [&](std::size_t i) { return static_cast<double>(regions.area_px(i)) * zoom * zoom <= kMinRegion; });
  const Components holes(tissue.mask, false);
  holes.paint(tissue.mask, 255, [&](std::size_t i) { return !holes.touches_border(i); });
  tissue.regions = tissue_regions(tissue.mask, tissue.grid.frame);
  for (const io::TissueRegion& region : tissue.regions) tissue.area_mm2 += region.area_mm2;
  if (tissue.regions.empty())
    throw Error(
        ErrorCode::kNoTissue, subject,
        "no tissue found by TRIDENT's rule: the largest region has " + number_text(tissue.largest_mm2, 2) + " mm2",
        "Choose another --tissue-method.");
  return tissue;
}

}  // namespace fovea::pipeline::slide
