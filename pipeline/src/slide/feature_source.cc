#include "slide/feature_source.h"

#include <cmath>
#include <filesystem>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "progress.h"
#include "slide/guards.h"
#include "slide/preview.h"
#include "slide/tile_grid.h"
#include "slide/tissue.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr double kSameScale = 0.05;  // of what coordinates say of their scale and what was asked for

}  // namespace

FeatureSource::FeatureSource(const FeaturesOptions& options, const JobValues& values,
                             const std::vector<SlideEntry>& entries, const FeatureFiles& files,
                             std::vector<SlideOutcome>& outcomes, std::stop_token stop)
    : options_(options),
      values_(values),
      entries_(entries),
      files_(files),
      outcomes_(outcomes),
      stop_(std::move(stop)) {
  if (!options.coords.empty()) coords_.emplace(options.coords);
}

SlideWorkPtr FeatureSource::next() {
  while (index_ < entries_.size()) {
    throw_if_stopped(stop_);
    const std::size_t index = index_++;
    auto work = std::make_shared<SlideWork>();
    work->index = index;
    if (settled(entries_[index], outcomes_[index], work->lock)) continue;
    try {
      prepare(entries_[index], *work);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) throw;
      work->error = std::current_exception();
    } catch (...) {
      work->error = std::current_exception();
    }
    if (work->error) work->slide.reset(), work->coords.clear();
    return work;
  }
  return nullptr;
}

bool FeatureSource::settled(const SlideEntry& entry, SlideOutcome& outcome, std::optional<io::FileLock>& lock) {
  const auto settle = [&](SlideState state, std::string reason) {
    outcome.state = state, outcome.reason = std::move(reason);
    return true;
  };
  if (!entry.problem.empty()) return settle(SlideState::kFailed, entry.problem);
  try {
    if (!options_.overwrite && present(entry, outcome)) return true;
    lock = io::FileLock::try_lock(files_.lock(entry.id));
    if (!lock) return settle(SlideState::kBusy, "another process is working on it");
    if (!options_.overwrite && present(entry, outcome)) {  // the other one has just finished
      lock.reset();
      return true;
    }
  } catch (const std::exception& error) {
    lock.reset();
    return settle(SlideState::kFailed, error.what());
  }
  return false;
}

bool FeatureSource::present(const SlideEntry& entry, SlideOutcome& outcome) const {
  const auto found = files_.present(entry.id);
  if (!found) return false;
  if (found->pt_missing) io::write_pt_of_bag(files_.features(entry.id), files_.pt(entry.id));
  outcome.state = found->rows > 0 ? SlideState::kPresent : SlideState::kNoTissue;
  if (found->rows == 0) outcome.reason = "no tissue was found in an earlier run; its file holds no features";
  outcome.tiles = found->rows, outcome.unreadable = found->unreadable;
  return true;
}

void FeatureSource::prepare(const SlideEntry& entry, SlideWork& work) const {
  const bool isolated = options_.isolate == "on" || (options_.isolate == "auto" && entries_.size() > 1);
  work.slide = io::open_slide(entry.path, {entry.mpp ? entry.mpp : options_.tiles.mpp, isolated});
  work.info = work.slide->info();
  if (coords_)
    take_coords(entry, work.info.scale ? work.info.scale->mpp : 0, work);
  else
    choose_tiles(entry, level0_mpp(work.info, entry.id, "--slide-mpp"), work);
}

void FeatureSource::choose_tiles(const SlideEntry& entry, double mpp, SlideWork& work) const {
  const FeatureRecipe& recipe = files_.recipe();
  work.plan =
      plan_reads(work.info.levels, mpp,
                 {recipe.target_mpp, recipe.tile_px, recipe.overlap_px, options_.tiles.allow_upsampling}, entry.id);
  const OverviewReading reading{true, stop_, {}};
  const Tissue tissue = find_tissue(*work.slide, mpp, tissue_options(values_, mpp), reading, entry.id);
  work.tissue = tissue.method;
  work.coords = select_tiles(work.info, work.plan, tissue, options_.tiles.min_tissue, entry.id).coords;
  if (options_.guards.any()) guard(entry, reading, work);
  if (!options_.previews) return;
  io::prepare_output_folder(files_.preview(entry.id).parent_path());
  write_preview(files_.preview(entry.id), *work.slide, mpp, tissue, work.coords,
                static_cast<double>(work.plan.footprint_px), reading);
}

void FeatureSource::guard(const SlideEntry& entry, const OverviewReading& reading, SlideWork& work) const {
  const GuardCounts dropped = apply_guards(*work.slide, work.plan, options_.guards, false, reading, work.coords);
  work.tissue += "; left out: " + std::to_string(dropped.pen) + " tiles with pen, " + std::to_string(dropped.black) +
                 " black, " + std::to_string(dropped.blur) + " blurred";
  if (work.coords.empty())
    throw Error(ErrorCode::kNoTissue, entry.id, "every tile shows pen, black or blur", "Use fewer --guards.");
}

void FeatureSource::take_coords(const SlideEntry& entry, double mpp, SlideWork& work) const {
  io::FeatureBag coords = coords_->of(entry.id);
  work.plan = plan_of_coords(coords, work.info.levels, mpp, entry.id);
  work.tissue = "coordinates given";
  const FeatureRecipe& recipe = files_.recipe();
  if (work.plan.tile_px != recipe.tile_px)
    throw Error(ErrorCode::kShape, entry.id,
                "its coordinates are of tiles of " + std::to_string(work.plan.tile_px) + " px, those of this run of " +
                    std::to_string(recipe.tile_px) + " px",
                "Do the slides of each tile size in a run of their own, with --tile.");
  const auto told = tile_mpp(coords.geometry, coords.attributes);
  if (told && std::abs(*told / recipe.target_mpp - 1) > kSameScale)
    throw Error(ErrorCode::kShape, entry.id,
                "its coordinates are of tiles at " + number_text(*told) + " um/px, those of this run at " +
                    number_text(recipe.target_mpp) + " um/px",
                "Do the slides of each scale in a run of their own.");
  if (coords.coords.empty())
    throw Error(ErrorCode::kNoTissue, entry.id, "its coordinates file holds no tile", "There is nothing to encode.");
  work.coords = std::move(coords.coords);
}

}  // namespace fovea::pipeline::slide
