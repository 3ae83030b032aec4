#include "slide/tissue.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include <fovea/base/error.h>

#include "slide/mask_file.h"
#include "slide/mask_ops.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kMaxMaskPixels = 64'000'000;
constexpr int kDarkBorder = 40;        // median grey of the border band below which the background is dark
constexpr int kWhiteDistance = 85;     // FAST's rule
constexpr double kBorderShare = 0.02;  // of the shorter edge

struct Planes {
  io::Image feature, grey;
  std::array<std::int64_t, 256> border{};  // grey levels of the scanned part of the border band
  std::int64_t unreadable = 0;
};

Planes read_planes(const io::Slide& slide, const OverviewGrid& grid, bool white, const OverviewReading& reading) {
  Planes planes{io::Image(grid.width, grid.height, 1), io::Image(grid.width, grid.height, 1)};
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
        *planes.feature.at(at_x, at_y) = !scanned ? 0 : white ? white_distance(rgb) : saturation(rgb);
        if (opaque && std::min({at_x, at_y, grid.width - 1 - at_x, grid.height - 1 - at_y}) < band) ++border[level];
      }
    }
    std::lock_guard lock(mutex);
    for (int i = 0; i < 256; ++i) planes.border[i] += border[i];
  });
  return planes;
}

bool dark_background(const Planes& planes) {
  for (std::int64_t count : planes.border)
    if (count > 0) return median_level(planes.border) < kDarkBorder;
  return false;
}

/// Feature planes to a raw binary mask in tissue.mask.
void threshold_planes(Planes planes, const TissueOptions& options, Tissue& tissue) {
  tissue.mask = std::move(planes.feature);
  if (dark_background(planes)) {
    tissue.mask = std::move(planes.grey);
    median_filter(tissue.mask, options.median_px);
    tissue.threshold = otsu_threshold(histogram(tissue.mask));
    tissue.method = "grey above Otsu's threshold (dark background)";
    tissue.notices.push_back("dark background: looks like fluorescence, so tissue is what is brighter than grey " +
                             number_text(tissue.threshold) +
                             "; a model trained on bright-field slides means nothing here");
  } else if (options.method == "white-distance") {
    tissue.threshold = kWhiteDistance;
    tissue.method = "distance to white";
  } else {
    median_filter(tissue.mask, options.median_px);
    const bool otsu = options.method == "otsu";
    tissue.threshold = otsu ? otsu_threshold(histogram(tissue.mask)) : options.threshold;
    tissue.method = otsu ? "saturation above Otsu's threshold" : "saturation";
  }
  binarise(tissue.mask, static_cast<int>(tissue.threshold));
  close_mask(tissue.mask, options.closing_px);
}

/// Drops small regions, fills small holes, and notes what there was.
void clean(const TissueOptions& options, Tissue& tissue) {
  const double pixel_mm2 = tissue.grid.frame.mpp * tissue.grid.frame.mpp * 1e-6;
  const auto mm2 = [&](std::int64_t px) { return static_cast<double>(px) * pixel_mm2; };
  {
    const Components regions(tissue.mask, true);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < regions.count(); ++i) {
      total += regions.area_px(i);
      tissue.largest_mm2 = std::max(tissue.largest_mm2, mm2(regions.area_px(i)));
    }
    tissue.fraction_before_cleaning =
        static_cast<double>(total) / static_cast<double>(std::max<std::size_t>(1, tissue.mask.pixels.size()));
    regions.paint(tissue.mask, 0, [&](std::size_t i) { return mm2(regions.area_px(i)) < options.min_region_mm2; });
  }
  const Components holes(tissue.mask, false);
  holes.paint(tissue.mask, 255,
              [&](std::size_t i) { return !holes.touches_border(i) && mm2(holes.area_px(i)) < options.min_hole_mm2; });
}

[[noreturn]] void throw_no_tissue(const Tissue& tissue, const TissueOptions& options, const std::string& subject) {
  if (tissue.largest_mm2 > 0)
    throw Error(ErrorCode::kNoTissue, subject,
                "no tissue found: the largest region has " + number_text(tissue.largest_mm2, 2) +
                    " mm2, under the limit of " + number_text(options.min_region_mm2, 2) + " mm2",
                "Lower --min-region-mm2, or choose --preset biopsy.");
  throw Error(
      ErrorCode::kNoTissue, subject,
      "no tissue found: no pixel passes the rule '" + tissue.method + "' with threshold " +
          number_text(tissue.threshold),
      "Choose another --tissue-method or --saturation-threshold, give a --tissue-mask, or use --tissue-method none.");
}

}  // namespace

const std::vector<TissuePreset>& tissue_presets() {
  static const std::vector<TissuePreset> presets{{"default", 8, 7, 4, 0.05, 0.02, false},
                                                 {"biopsy", 8, 7, 4, 0.01, 0.02, false},
                                                 {"resection", 8, 7, 4, 0.5, 0.02, false},
                                                 {"clam", 8, 7, 4, 100, 16, true},
                                                 {"tcga", 8, 7, 4, 16, 4, true},
                                                 {"bwh-biopsy", 15, 11, 2, 1, 1, true},
                                                 {"bwh-resection", 15, 11, 4, 100, 16, true}};
  return presets;
}

void apply_preset(TissueOptions& options, std::string_view name, double mpp_level0) {
  std::string known;
  for (const TissuePreset& preset : tissue_presets()) {
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
    if (preset.name != name) continue;
    const double unit_mm2 = preset.clam_units ? std::pow(512 * mpp_level0 / 1000, 2) : 1;
    options.threshold = preset.threshold, options.median_px = preset.median_px, options.closing_px = preset.closing_px;
    options.min_region_mm2 = preset.min_region * unit_mm2, options.min_hole_mm2 = preset.min_hole * unit_mm2;
    return;
  }
  throw Error(ErrorCode::kUsage, "--preset", "'" + std::string(name) + "' is not known",
              "Choose one of " + known + ".");
}

Tissue find_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions& options,
                   const OverviewReading& reading, const std::string& subject) {
  Tissue tissue;
  tissue.grid = overview_grid(slide.info(), options.mask_mpp / mpp_level0, mpp_level0, kMaxMaskPixels);
  if (!options.mask_file.empty()) {
    tissue.mask = read_mask_file(options.mask_file, tissue.grid, slide.info());
    tissue.method = "mask file";
  } else if (options.method == "none") {
    tissue.method = "none: every tile counts";
    tissue.area_mm2 = static_cast<double>(slide.info().bounds_width) * static_cast<double>(slide.info().bounds_height) *
                      mpp_level0 * mpp_level0 * 1e-6;
    return tissue;
  } else {
    Planes planes = read_planes(slide, tissue.grid, options.method == "white-distance", reading);
    tissue.unreadable_blocks = planes.unreadable;
    threshold_planes(std::move(planes), options, tissue);
  }
  if (options.mask_file.empty()) clean(options, tissue);
  tissue.regions = tissue_regions(tissue.mask, tissue.grid.frame);
  for (const io::TissueRegion& region : tissue.regions) tissue.area_mm2 += region.area_mm2;
  if (tissue.regions.empty() && !options.mask_file.empty())
    throw Error(ErrorCode::kNoTissue, options.mask_file.filename().string(), "the tissue mask marks nothing",
                "Give a mask with white or outlined tissue.");
  if (tissue.regions.empty()) throw_no_tissue(tissue, options, subject);
  return tissue;
}

}  // namespace fovea::pipeline::slide
