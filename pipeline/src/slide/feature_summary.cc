#include "slide/feature_summary.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/io/atomic_file.h>

#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::array<std::pair<SlideState, std::string_view>, 6> kStates{{{SlideState::kDone, "done"},
                                                                          {SlideState::kPresent, "already there"},
                                                                          {SlideState::kNoTissue, "no tissue"},
                                                                          {SlideState::kFailed, "failed"},
                                                                          {SlideState::kBusy, "with another process"},
                                                                          {SlideState::kPending, "not done"}}};

std::string_view words_of(SlideState state) {
  return std::find_if(kStates.begin(), kStates.end(), [&](const auto& row) { return row.first == state; })->second;
}

}  // namespace

std::int64_t FeatureSummary::count(SlideState state) const {
  return std::count_if(outcomes.begin(), outcomes.end(), [&](const SlideOutcome& o) { return o.state == state; });
}

int FeatureSummary::exit_code() const {
  const std::int64_t good = count(SlideState::kDone) + count(SlideState::kPresent);
  if (good == static_cast<std::int64_t>(outcomes.size())) return 0;
  return count(SlideState::kFailed) == static_cast<std::int64_t>(outcomes.size()) ? 3 : 2;
}

void FeatureSummary::write_csv(const std::filesystem::path& path) const {
  std::string table = "row,slide_id,case_id,label,state,tiles,unreadable_tiles,seconds,reason\n";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const SlideEntry& entry = entries[i];
    const SlideOutcome& outcome = outcomes[i];
    table += std::to_string(entry.row) + "," + csv_cell(entry.id) + "," + csv_cell(entry.case_id) + "," +
             csv_cell(entry.label) + "," + std::string(words_of(outcome.state)) + "," + std::to_string(outcome.tiles) +
             "," + std::to_string(outcome.unreadable) + "," + fixed_text(outcome.seconds, 2) + "," +
             csv_cell(outcome.reason) + "\n";
  }
  io::write_file(path, table);
}

nlohmann::ordered_json FeatureSummary::json() const {
  nlohmann::ordered_json counts, slides = nlohmann::ordered_json::array();
  std::int64_t tiles = 0, unreadable = 0;
  for (const auto& [state, words] : kStates) counts[std::string(words)] = count(state);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const SlideOutcome& outcome = outcomes[i];
    tiles += outcome.tiles, unreadable += outcome.unreadable;
    nlohmann::ordered_json slide{{"row", entries[i].row},
                                 {"slide_id", entries[i].id},
                                 {"state", words_of(outcome.state)},
                                 {"tiles", outcome.tiles},
                                 {"unreadable_tiles", outcome.unreadable},
                                 {"seconds", outcome.seconds}};
    if (!outcome.reason.empty()) slide["reason"] = outcome.reason;
    slides.push_back(std::move(slide));
  }
  return {{"slides", entries.size()},
          {"counts", counts},
          {"tiles", tiles},
          {"unreadable_tiles", unreadable},
          {"results", slides}};
}

std::string FeatureSummary::text() const {
  std::string text = std::to_string(entries.size()) + (entries.size() == 1 ? " slide:" : " slides:");
  std::int64_t tiles = 0, unreadable = 0;
  for (const auto& [state, words] : kStates)
    if (const std::int64_t slides = count(state)) text += " " + std::to_string(slides) + " " + std::string(words) + ",";
  for (const SlideOutcome& outcome : outcomes) tiles += outcome.tiles, unreadable += outcome.unreadable;
  text += " " + std::to_string(tiles) + " tiles";
  if (unreadable > 0) text += " (and " + std::to_string(unreadable) + " that could not be read and were left out)";
  return text + "\n";
}

std::vector<std::string> FeatureSummary::notices(std::size_t most) const {
  std::vector<std::string> notices;
  std::size_t more = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (outcomes[i].reason.empty()) continue;
    if (notices.size() < most)
      notices.push_back("row " + std::to_string(entries[i].row) + " (" + entries[i].id + "): " + outcomes[i].reason);
    else
      ++more;
  }
  if (more > 0) notices.push_back("and " + std::to_string(more) + " more: see summary.csv");
  return notices;
}

}  // namespace fovea::pipeline::slide
