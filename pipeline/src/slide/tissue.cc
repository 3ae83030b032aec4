#include "slide/tissue.h"

#include <algorithm>
#include <cmath>

#include <fovea/base/error.h>

#include "slide/clam_tissue.h"
#include "slide/mask_file.h"
#include "slide/mask_ops.h"
#include "slide/tissue_planes.h"
#include "slide/trident_tissue.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kMaxMaskPixels = 64'000'000;
constexpr int kWhiteDistance = 85;  // FAST's rule

/// Feature planes to a raw binary mask in tissue.mask.
void threshold_planes(TissuePlanes planes, const TissueOptions& options, Tissue& tissue) {
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
  static const std::vector<TissuePreset> presets{{"default", 8, 7, 4, 0.05, 0.02, false, 0},
                                                 {"biopsy", 8, 7, 4, 0.01, 0.02, false, 0},
                                                 {"resection", 8, 7, 4, 0.5, 0.02, false, 0},
                                                 {"clam", 8, 7, 4, 100, 16, true, 8},
                                                 {"tcga", 8, 7, 4, 16, 4, true, 8},
                                                 {"bwh-biopsy", 15, 11, 2, 1, 1, true, 2},
                                                 {"bwh-resection", 15, 11, 4, 100, 16, true, 8}};
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
    if (preset.clam_units) options.clam = {preset.min_region, preset.min_hole, preset.max_n_holes};
    return;
  }
  throw Error(ErrorCode::kUsage, "--preset", "'" + std::string(name) + "' is not known",
              "Choose one of " + known + ".");
}

Tissue find_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions& options,
                   const OverviewReading& reading, const std::string& subject) {
  if (options.mask_file.empty() && options.method == "clam")
    return clam_tissue(slide, mpp_level0, options, reading, subject);
  if (options.mask_file.empty() && options.method == "trident")
    return trident_tissue(slide, mpp_level0, options, reading, subject);
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
    const auto feature = options.method == "white-distance" ? white_distance : saturation;
    TissuePlanes planes = read_planes(slide, tissue.grid, feature, reading);
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
