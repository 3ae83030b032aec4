// What became of each slide of a run, as a table, as JSON and as text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "slide/slide_list.h"

namespace fovea::pipeline::slide {

enum class SlideState {
  kPending,
  kDone,      ///< encoded in this run
  kPresent,   ///< its file was there, of the same recipe
  kNoTissue,  ///< an empty file was written (or was there)
  kFailed,
  kBusy  ///< another process is at it
};

struct SlideOutcome {
  SlideState state = SlideState::kPending;
  std::int64_t tiles = 0, unreadable = 0;
  double seconds = 0;
  std::string reason;  ///< a sentence; empty where there is nothing to say
};

struct FeatureSummary {
  const std::vector<SlideEntry>& entries;
  const std::vector<SlideOutcome>& outcomes;

  std::int64_t count(SlideState state) const;
  /// 0 all slides have features, 2 some have not (failed, without tissue, or with another process), 3 none could run.
  int exit_code() const;
  /// row, slide_id, case_id, label, state, tiles, unreadable_tiles, seconds, reason; atomic.
  void write_csv(const std::filesystem::path& path) const;
  nlohmann::ordered_json json() const;
  std::string text() const;
  /// One sentence a slide that was not done, at most `most`; the last says how many more there are.
  std::vector<std::string> notices(std::size_t most) const;
};

}  // namespace fovea::pipeline::slide
