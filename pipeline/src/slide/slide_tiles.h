// One slide of `slide tiles`: tissue, tiles, guards, and the files that say so.
#pragma once

#include <cstdint>
#include <functional>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "slide/guards.h"
#include "slide/read_plan.h"
#include "slide/slide_list.h"
#include "slide/tiles_options.h"

namespace fovea::pipeline::slide {

/// What was found; a slide that was done before has only `tiles`.
struct SlideTiles {
  std::int64_t tiles = 0, positions = 0;
  std::size_t regions = 0;
  double tissue_mm2 = 0;
  int tissue_level = 0;
  ReadPlan plan;
  GuardCounts guards;
  std::vector<std::string> notices;
};

/// Where the files of a slide go.
class TilesFiles {
 public:
  /// Makes the folders.
  explicit TilesFiles(const TilesOptions& options);
  std::filesystem::path coords(const std::string& id) const;
  std::filesystem::path outlines(const std::string& id) const;
  std::filesystem::path preview(const std::string& id) const;
  bool has_outlines() const { return !outlines_.empty(); }
  const std::filesystem::path& folder() const { return coords_; }

 private:
  std::filesystem::path coords_, outlines_, previews_;
  std::string suffix_;
};

/// The number of tiles of an earlier run with the same settings; nothing when the slide is still to be done.
std::optional<std::int64_t> tiles_present(const TilesFiles& files, const std::string& id, const std::string& settings);

/// Coordinates are written last: a slide is done when they are there. `progress`: 0..1. Errors of opening and reading,
/// Error(kNoTissue), Error(kCancelled).
SlideTiles tile_slide(const SlideEntry& entry, const TilesOptions& options, const JobValues& values,
                      const TilesFiles& files, bool isolated, const std::function<void(double)>& progress,
                      std::stop_token stop);

}  // namespace fovea::pipeline::slide
