#include "slide/slide_tiles.h"

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/attention_export.h>
#include <fovea/io/bag.h>

#include "progress.h"
#include "slide/preview.h"
#include "slide/tile_grid.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

namespace fs = std::filesystem;
constexpr double kTissueShare = 0.3, kGuardShare = 0.9;  // of a slide's progress, where each step ends

/// TRIDENT's name of a tiling: "20x_256px_0px_overlap".
std::string tiling_name(const TilesOptions& options) {
  return number_text(10 / options.target_mpp, 6) + "x_" + std::to_string(options.tile_px) + "px_" +
         std::to_string(options.overlap_px) + "px_overlap";
}

io::FeatureBag coordinates(const SlideEntry& entry, const TilesOptions& options, const io::SlideInfo& info,
                           const Tissue& tissue, const ReadPlan& plan, std::vector<std::int64_t> coords) {
  io::FeatureBag bag;
  bag.features.shape = {static_cast<std::int64_t>(coords.size() / 2), 0};
  bag.coords = std::move(coords);
  bag.slide = entry.id;
  bag.geometry.footprint_px = static_cast<double>(plan.footprint_px);
  bag.geometry.mpp_level0 = plan.mpp_level0, bag.geometry.mpp_target = plan.mpp_tile;
  bag.geometry.tile_px = plan.tile_px, bag.geometry.level = plan.level, bag.geometry.read_px = plan.read_px;
  bag.geometry.width = info.levels.front().width, bag.geometry.height = info.levels.front().height;
  bag.geometry.level_downsample = plan.level_downsample;
  bag.attributes = {{"overlap", std::to_string(plan.overlap_px)},
                    {"quickhash", info.identity},
                    {"producer", "fovea " + version()},
                    {"segmentation", tissue.method},
                    {"settings", options.settings}};
  return bag;
}

}  // namespace

TilesFiles::TilesFiles(const TilesOptions& options) {
  switch (options.format) {
    case TilesFormat::kClam: coords_ = options.out / "patches", previews_ = options.out / "masks"; break;
    case TilesFormat::kTrident:
      coords_ = options.out / tiling_name(options) / "patches", suffix_ = "_patches";
      outlines_ = options.out / "contours_geojson", previews_ = options.out / "contours";
      break;
    case TilesFormat::kFovea:
      coords_ = options.out / "patches", outlines_ = options.out / "tissue", previews_ = options.out / "previews";
      break;
  }
  for (const fs::path& folder : {coords_, outlines_, options.preview ? previews_ : fs::path{}})
    if (!folder.empty()) io::prepare_output_folder(folder);
}

fs::path TilesFiles::coords(const std::string& id) const {
  return coords_ / (id + suffix_ + ".h5");
}
fs::path TilesFiles::outlines(const std::string& id) const {
  return outlines_ / (id + ".geojson");
}
fs::path TilesFiles::preview(const std::string& id) const {
  return previews_ / (id + ".jpg");
}

std::optional<std::int64_t> tiles_present(const TilesFiles& files, const std::string& id, const std::string& settings) {
  std::error_code ignored;
  if (!fs::exists(files.coords(id), ignored)) return {};
  try {
    const io::FeatureBag bag = io::read_patches(files.coords(id));
    const auto found = bag.attributes.find("settings");
    if (found != bag.attributes.end() && found->second == settings)
      return static_cast<std::int64_t>(bag.coords.size() / 2);
  } catch (const Error&) {
    // Another program's, or damaged: made again.
  }
  return {};
}

SlideTiles tile_slide(const SlideEntry& entry, const TilesOptions& options, const JobValues& values,
                      const TilesFiles& files, bool isolated, const std::function<void(double)>& progress,
                      std::stop_token stop) {
  const auto step = [&](double from, double to) {
    return OverviewReading{options.tiles.allow_unreadable, stop,
                           [&progress, from, to](double done) { progress(from + (to - from) * done); }};
  };
  io::SlideOptions opening;
  opening.mpp = entry.mpp ? entry.mpp : options.tiles.mpp;
  opening.isolated = isolated;
  const auto slide = io::open_slide(entry.path, opening);
  const io::SlideInfo& info = slide->info();
  const double mpp = level0_mpp(info, entry.id);
  SlideTiles found;
  found.notices = info.notices;
  found.plan =
      plan_reads(info.levels, mpp,
                 {options.target_mpp, options.tile_px, options.overlap_px, options.tiles.allow_upsampling}, entry.id);
  const Tissue tissue = find_tissue(*slide, mpp, tissue_options(values, mpp), step(0, kTissueShare), entry.id);
  found.notices.insert(found.notices.end(), tissue.notices.begin(), tissue.notices.end());
  found.regions = tissue.regions.size(), found.tissue_mm2 = tissue.area_mm2, found.tissue_level = tissue.grid.level;
  TileGrid grid = select_tiles(info, found.plan, tissue, options.tiles.min_tissue, entry.id);
  found.positions = grid.inside_slide;
  found.guards = apply_guards(*slide, found.plan, options.guards, options.read_tiles, step(kTissueShare, kGuardShare),
                              grid.coords);
  found.tiles = grid.tiles();
  if (found.tiles == 0)
    throw Error(ErrorCode::kNoTissue, entry.id,
                "tissue was found, but every tile was dropped (pen " + std::to_string(found.guards.pen) + ", black " +
                    std::to_string(found.guards.black) + ", blur " + std::to_string(found.guards.blur) +
                    ", unreadable " + std::to_string(found.guards.unreadable) + ")",
                "Leave guards out of --guards, or look at the slide.");
  throw_if_stopped(stop);
  if (options.preview)
    write_preview(files.preview(entry.id), *slide, mpp, tissue, grid.coords,
                  static_cast<double>(found.plan.footprint_px), step(kGuardShare, 1));
  if (files.has_outlines()) io::write_geojson(files.outlines(entry.id), {}, tissue.regions);
  io::write_patches(files.coords(entry.id),
                    coordinates(entry, options, info, tissue, found.plan, std::move(grid.coords)),
                    options.format == TilesFormat::kClam ? io::BagLayout::kClam : io::BagLayout::kTrident);
  return found;
}

}  // namespace fovea::pipeline::slide
