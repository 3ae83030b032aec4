// Where the tissue is: reference/wsi.md 2.2.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fovea/io/attention_export.h>
#include <fovea/io/slide.h>

#include "slide/overview.h"

namespace fovea::pipeline::slide {

/// CLAM's filters of contours: areas in units of 512 x 512 level-0 pixels.
struct ClamRule {
  double a_t = 100, a_h = 16;    ///< of a region without its holes, and of a hole
  std::int64_t max_n_holes = 8;  ///< of a region, the largest
};

struct TissueOptions {
  std::string method = "saturation";  ///< saturation, otsu (of the saturation), white-distance, clam, trident, none
  int threshold = 8;                  ///< saturation: 0..255, tissue is above
  int median_px = 7, closing_px = 4;  ///< at mask scale; 1 = off
  double min_region_mm2 = 0.05, min_hole_mm2 = 0.02;
  double mask_mpp = 8;              ///< micrometres per mask pixel, about
  std::filesystem::path mask_file;  ///< PNG, TIFF or GeoJSON instead of a method; empty = none
  ClamRule clam;                    ///< method clam only
};

/// A row of published or ours defaults. CLAM's areas are in units of 512 x 512 level-0 pixels, ours in mm2.
struct TissuePreset {
  std::string_view name;
  int threshold, median_px, closing_px;
  double min_region, min_hole;
  bool clam_units;
  std::int64_t max_n_holes;  ///< CLAM's only
};
const std::vector<TissuePreset>& tissue_presets();
/// Sets everything a preset defines. Error(kUsage) lists the names.
void apply_preset(TissueOptions& options, std::string_view name, double mpp_level0);

/// A polygon through pixel centres in whole level-0 pixels, with the holes that count.
struct ClamContour {
  using Ring = std::vector<std::pair<std::int64_t, std::int64_t>>;
  Ring outer;
  std::vector<Ring> holes;
};

struct Tissue {
  OverviewGrid grid;
  io::Image mask;      ///< one channel, 255 = tissue; empty with method none
  std::string method;  ///< what was done, in words
  double threshold = 0;
  double area_mm2 = 0;
  double fraction_before_cleaning = 0;  ///< share of mask pixels above the threshold, after closing
  double largest_mm2 = 0;               ///< before small regions were dropped
  std::int64_t unreadable_blocks = 0;
  std::vector<io::TissueRegion> regions;
  std::vector<std::string> notices;
  std::vector<ClamContour> clam;  ///< method clam: tiles follow these contours, not the mask
};

/// Error(kNoTissue) says what was found. `subject` names the slide.
Tissue find_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions& options,
                   const OverviewReading& reading, const std::string& subject);

}  // namespace fovea::pipeline::slide
