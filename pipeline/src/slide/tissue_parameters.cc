#include "slide/tissue_parameters.h"

#include <tuple>

#include <fovea/base/error.h>

#include "slide/read_plan.h"

namespace fovea::pipeline::slide {
namespace {

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const TissuePreset& preset : tissue_presets()) names.emplace_back(preset.name);
  return names;
}

std::optional<double> positive(const JobValues& values, const std::string& name, std::vector<std::string>& problems) {
  if (!values.given(name)) return {};
  const double value = values.number(name);
  if (!(value > 0) || value > 1000) problems.push_back("--" + name + " must be above 0 (and at most 1000)");
  return value;
}

}  // namespace

void add_tile_parameters(std::vector<Parameter>& p, const std::string& defaults) {
  using T = ParameterType;
  const std::string group = "Tiles";
  p.push_back(
      {"mpp",
       T::kNumber,
       "Scale of the slide in micrometres per level-0 pixel, for slides that do not tell it; wins over what they tell",
       {},
       false,
       false,
       {},
       group});
  p.push_back({"target-mpp",
               T::kNumber,
               "Scale at which tiles are read, in micrometres per pixel (default: " + defaults + ")",
               {},
               false,
               false,
               {},
               group});
  p.push_back({"tile",
               T::kInteger,
               "Tile edge in pixels at the target scale (default: " + defaults + ")",
               {},
               false,
               false,
               {},
               group});
  p.push_back({"overlap",
               T::kText,
               "Overlap of neighbouring tiles, in pixels at the target scale or as a percentage: 112 or 50%",
               std::string("0"),
               false,
               false,
               {},
               group});
  p.push_back({"min-tissue",
               T::kNumber,
               "Share of a tile (0 to 1) that must be tissue; 0 = any tissue at all",
               0.1,
               false,
               false,
               {},
               group});
  p.push_back({"allow-upsampling",
               T::kFlag,
               "Accept a slide that is coarser than the target scale",
               false,
               false,
               false,
               {},
               group});
  p.push_back({"allow-unreadable-tiles",
               T::kFlag,
               "Paint tiles that cannot be read as background, and count them, instead of failing",
               false,
               false,
               false,
               {},
               group});
}

void add_tissue_parameters(std::vector<Parameter>& p) {
  using T = ParameterType;
  const std::string group = "Tissue";
  p.push_back({"tissue-method",
               T::kChoice,
               "How tissue is told from glass; clam and trident: as these tools do, with CLAM's grid of tiles",
               std::string("saturation"),
               false,
               false,
               {"saturation", "otsu", "white-distance", "clam", "trident", "none"},
               group});
  p.push_back(
      {"tissue-mask",
       T::kFile,
       "Use this mask instead: PNG or TIFF of the whole scanned area (bright = tissue) or GeoJSON in level-0 pixels",
       std::string{},
       false,
       false,
       {},
       group});
  p.push_back({"preset", T::kChoice,
               "Starting values of the five options below (clam, tcga, bwh-...: CLAM's, its areas converted to mm2)",
               std::string("default"), false, false, preset_names(), group});
  p.push_back({"saturation-threshold",
               T::kInteger,
               "Tissue is more saturated than this, 0 to 255 (default: the preset's, 8)",
               {},
               false,
               false,
               {},
               group});
  p.push_back({"median",
               T::kInteger,
               "Edge of the median filter in mask pixels, odd; 1 = off (default: the preset's, 7)",
               {},
               false,
               false,
               {},
               group});
  p.push_back({"closing",
               T::kInteger,
               "Edge of the closing square in mask pixels; 1 = off (default: the preset's, 4)",
               {},
               false,
               false,
               {},
               group});
  p.push_back({"min-region-mm2",
               T::kNumber,
               "Smaller pieces of tissue are dropped, in mm2 (default: the preset's, 0.05)",
               {},
               false,
               false,
               {},
               group});
  p.push_back({"min-hole-mm2",
               T::kNumber,
               "Smaller holes are filled, in mm2 (default: the preset's, 0.02)",
               {},
               false,
               false,
               {},
               group});
  for (const auto& [name, type, help] :
       {std::tuple{"a-t", T::kNumber,
                   "Method clam: smallest region, in units of 512 x 512 level-0 pixels (default: the preset's, 100)"},
        {"a-h", T::kNumber, "Method clam: smallest hole, in the same units (default: the preset's, 16)"},
        {"max-n-holes", T::kInteger, "Method clam: holes kept of a region, the largest (default: the preset's, 8)"}})
    p.push_back({name, type, help, {}, false, false, {}, group});
  p.push_back({"mask-mpp",
               T::kNumber,
               "Scale of the tissue mask in micrometres per pixel, about",
               8.0,
               false,
               false,
               {},
               group});
}

TileChoice tile_choice(const JobValues& values, std::vector<std::string>& problems) {
  TileChoice choice;
  choice.mpp = positive(values, "mpp", problems), choice.target_mpp = positive(values, "target-mpp", problems);
  choice.overlap = values.text("overlap");
  choice.min_tissue = values.number("min-tissue");
  choice.allow_upsampling = values.flag("allow-upsampling"),
  choice.allow_unreadable = values.flag("allow-unreadable-tiles");
  if (values.given("tile")) choice.tile_px = values.integer("tile");
  if (choice.tile_px && (*choice.tile_px < 8 || *choice.tile_px > 16384))
    problems.push_back("--tile must lie between 8 and 16384 pixels");
  if (!(choice.min_tissue >= 0 && choice.min_tissue <= 1)) problems.push_back("--min-tissue must lie between 0 and 1");
  if (!(values.number("mask-mpp") > 0)) problems.push_back("--mask-mpp must be above 0");
  const auto whole = [&](const char* name, std::int64_t low, std::int64_t high) {
    if (values.given(name) && (values.integer(name) < low || values.integer(name) > high))
      problems.push_back(std::string("--") + name + " must lie between " + std::to_string(low) + " and " +
                         std::to_string(high));
  };
  whole("saturation-threshold", 0, 254), whole("median", 1, 99), whole("closing", 1, 99),
      whole("max-n-holes", 0, 10000);
  if (values.given("median") && values.integer("median") % 2 == 0) problems.push_back("--median must be odd");
  for (const char* name : {"min-region-mm2", "min-hole-mm2", "a-t", "a-h"})
    if (values.given(name) && !(values.number(name) >= 0))
      problems.push_back(std::string("--") + name + " must not be negative");
  return choice;
}

TissueOptions tissue_options(const JobValues& values, double mpp_level0) {
  TissueOptions tissue;
  tissue.method = values.text("tissue-method"), tissue.mask_file = values.text("tissue-mask");
  tissue.mask_mpp = values.number("mask-mpp");
  // CLAM's rule comes with CLAM's numbers unless another preset is named.
  const bool clam = tissue.method == "clam";
  apply_preset(tissue, clam && !values.given("preset") ? "clam" : values.text("preset"), mpp_level0);
  if (values.given("saturation-threshold")) tissue.threshold = static_cast<int>(values.integer("saturation-threshold"));
  if (values.given("median")) tissue.median_px = static_cast<int>(values.integer("median"));
  if (values.given("closing")) tissue.closing_px = static_cast<int>(values.integer("closing"));
  if (values.given("min-region-mm2")) tissue.min_region_mm2 = values.number("min-region-mm2");
  if (values.given("min-hole-mm2")) tissue.min_hole_mm2 = values.number("min-hole-mm2");
  if (values.given("a-t")) tissue.clam.a_t = values.number("a-t");
  if (values.given("a-h")) tissue.clam.a_h = values.number("a-h");
  if (values.given("max-n-holes")) tissue.clam.max_n_holes = values.integer("max-n-holes");
  return tissue;
}

double level0_mpp(const io::SlideInfo& info, const std::string& subject, const std::string& option) {
  if (info.scale) return info.scale->mpp;
  std::string tried;
  for (const std::string& property : info.scale_tried) tried += (tried.empty() ? "" : ", ") + property;
  throw Error(ErrorCode::kMissingScale, subject,
              "the slide does not tell its micrometres per pixel (looked at " +
                  (tried.empty() ? "its properties" : tried) + ")",
              "Pass it with " + option + ", for instance " + option + " 0.25 for a 40x scan.");
}

}  // namespace fovea::pipeline::slide
