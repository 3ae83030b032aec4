// `slide tiles`: tissue and tile coordinates of slides, in the files of CLAM, TRIDENT or ours; no encoder.
#include "jobs/jobs.h"

#include <chrono>
#include <optional>

#include <nlohmann/json.hpp>
#include <oneapi/tbb/global_control.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "progress.h"
#include "slide/slide_tiles.h"
#include "slide/tiles_tables.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace slide {
namespace {

constexpr std::size_t kNoticesShown = 20;

class TilesRun {
 public:
  TilesRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values), options_(tiles_options(values)), meter_(sink, std::move(stop)) {}

  JobResult run() {
    std::optional<oneapi::tbb::global_control> threads;
    if (options_.threads > 0)
      threads.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(options_.threads));
    meter_.stage("finding tissue and tiles", 0, 1);
    entries_ = options_.list.empty() ? slides_of_arguments(options_.slides) : slides_of_list(options_.list);
    outcomes_.resize(entries_.size()), tiles_.resize(entries_.size());
    isolated_ = options_.isolate == "on" || (options_.isolate == "auto" && entries_.size() > 1);
    io::prepare_output_folder(options_.out);
    const TilesFiles files(options_);
    for (std::size_t i = 0; i < entries_.size(); ++i) settle(files, i);
    return result(files);
  }

 private:
  /// One bad slide does not stop the others; a stop request does.
  void settle(const TilesFiles& files, std::size_t i) {
    throw_if_stopped(meter_.stop());
    SlideOutcome& outcome = outcomes_[i];
    const auto start = std::chrono::steady_clock::now();
    const auto fail = [&](SlideState state, std::string reason) {
      outcome.state = state, outcome.reason = std::move(reason);
    };
    try {
      if (!entries_[i].problem.empty()) {
        fail(SlideState::kFailed, entries_[i].problem);
      } else if (const auto before =
                     options_.overwrite ? std::nullopt : tiles_present(files, entries_[i].id, options_.settings)) {
        outcome.state = SlideState::kPresent, outcome.tiles = *before;
      } else {
        do_slide(files, i);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) throw;
      fail(error.code() == ErrorCode::kNoTissue ? SlideState::kNoTissue : SlideState::kFailed, error.what());
    } catch (const std::exception& error) {
      fail(SlideState::kFailed, error.what());
    }
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    meter_.advance(share(i, 1), outcome.reason.empty()
                                    ? entries_[i].id + ": " + std::to_string(outcome.tiles) + " tiles"
                                    : entries_[i].id + ": " + outcome.reason);
  }
  void do_slide(const TilesFiles& files, std::size_t i) {
    tiles_[i] = tile_slide(
        entries_[i], options_, values_, files, isolated_, [&](double done) { meter_.advance(share(i, done)); },
        meter_.stop());
    outcomes_[i].state = SlideState::kDone;
    outcomes_[i].tiles = tiles_[i].tiles, outcomes_[i].unreadable = tiles_[i].guards.unreadable;
    for (const std::string& notice : tiles_[i].notices) notices_.push_back(entries_[i].id + ": " + notice);
  }
  double share(std::size_t i, double done) const {
    return (static_cast<double>(i) + done) / static_cast<double>(std::max<std::size_t>(1, entries_.size()));
  }

  JobResult result(const TilesFiles& files) {
    const FeatureSummary summary{entries_, outcomes_};
    nlohmann::ordered_json json = summary.json();
    json["settings"] = options_.settings, json["format"] = values_.text("format");
    json["mpp"] = options_.target_mpp, json["tile_px"] = options_.tile_px, json["overlap_px"] = options_.overlap_px;
    json["producer"] = "fovea " + version();
    add_guards(json);
    JobResult result;
    const auto write = [&](const char* name, const auto& writer) {
      writer(options_.out / name);
      result.outputs.push_back(options_.out / name);
    };
    result.outputs.push_back(files.folder());
    write("summary.csv", [&](const auto& path) { summary.write_csv(path); });
    write("tiles.csv", [&](const auto& path) { write_tiles_csv(path, entries_, outcomes_, tiles_); });
    write("summary.json", [&](const auto& path) { io::write_file(path, json.dump(2) + "\n"); });
    if (options_.format == TilesFormat::kClam)
      write("process_list_autogen.csv", [&](const auto& path) {
        write_process_list(path, entries_, outcomes_, tiles_, tissue_options(values_, options_.target_mpp));
      });
    result.exit_code = summary.exit_code();
    if (notices_.size() > kNoticesShown) notices_.resize(kNoticesShown);
    result.notices = notices_;
    for (std::string& notice : summary.notices(kNoticesShown)) result.notices.push_back(std::move(notice));
    result.text = summary.text() + guards_text();
    result.json = json.dump(2);
    return result;
  }

  GuardCounts dropped() const {
    GuardCounts all;
    for (const SlideTiles& slide : tiles_)
      all.pen += slide.guards.pen, all.black += slide.guards.black, all.blur += slide.guards.blur;
    return all;
  }
  void add_guards(nlohmann::ordered_json& json) const {
    const GuardCounts all = dropped();
    json["dropped"] = {{"pen", all.pen}, {"black", all.black}, {"blur", all.blur}};
  }
  std::string guards_text() const {
    if (!options_.guards.any()) return {};
    const GuardCounts all = dropped();
    return "dropped by guards: " + std::to_string(all.pen) + " pen, " + std::to_string(all.black) + " black, " +
           std::to_string(all.blur) + " blurred\n";
  }

  const JobValues& values_;
  const TilesOptions options_;
  ProgressMeter meter_;
  std::vector<SlideEntry> entries_;
  std::vector<SlideOutcome> outcomes_;
  std::vector<SlideTiles> tiles_;
  std::vector<std::string> notices_;
  bool isolated_ = false;
};

}  // namespace
}  // namespace slide

JobKind slide_tiles_job() {
  JobKind kind;
  kind.name = "slide tiles";
  kind.summary = "Tissue and tile coordinates of slides, in files of CLAM, TRIDENT or ours";
  kind.details =
      "Finds the tissue of each slide and cuts it into tiles: coordinates (HDF5), outlines (GeoJSON for QuPath) and a "
      "preview (JPEG).\n"
      "No encoder is needed. Slides that are done with the same settings are passed over; one bad slide does not stop "
      "the others.\n"
      "summary.csv says what became of each slide, tiles.csv holds its numbers.\n"
      "Exit codes: 0 all have tiles, 1 wrong usage, 2 some have not (failed, or no tissue), 3 none could run, 130 "
      "cancelled.\n"
      "Example: fovea slide tiles slides/ --out tiles --format trident --guards pen,black";
  kind.parameters = slide::tiles_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return slide::TilesRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
