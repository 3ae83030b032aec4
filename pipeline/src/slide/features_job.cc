// `slide features`: slides -> feature files, streaming across slides; resumes where it stopped.
#include "jobs/jobs.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "model_store.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/feature_source.h"
#include "slide/feature_writer.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace slide {
namespace {

constexpr std::size_t kNoticesShown = 20;

/// What is done to a tile's pixels before the network sees them.
std::string preprocessing_of(const models::EncoderInfo& info) {
  const auto three = [](const std::array<double, 3>& v) {
    return number_text(v[0], 6) + " " + number_text(v[1], 6) + " " + number_text(v[2], 6);
  };
  std::string resizing = std::to_string(info.tile_px) + " px";
  if (info.resized_px() != info.tile_px)
    resizing +=
        info.interpolation == models::Interpolation::kBicubic ? " resized (bicubic) to " : " resized (bilinear) to ";
  if (info.resized_px() != info.tile_px) resizing += std::to_string(info.resized_px());
  if (info.network_px() != info.resized_px()) resizing += " cut to " + std::to_string(info.network_px());
  return "RGB/255, " + resizing + ", mean " + three(info.mean) + ", std " + three(info.std);
}

class FeaturesRun {
 public:
  FeaturesRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values),
        options_(features_options(values)),
        meter_(sink, std::move(stop)),
        thread_count_(options_.threads) {}

  JobResult run() {
    meter_.stage("reading the list", 0, 0.01);
    entries_ = options_.list.empty() ? slides_of_arguments(options_.slides) : slides_of_list(options_.list);
    outcomes_.resize(entries_.size());
    meter_.stage("loading the encoder", 0.01, 0.02);
    encoder_ = load_encoder(options_.encoder, options_.allow_torchscript, options_.placement);
    const OutputFolder folder(options_.out);
    files_.emplace(options_.out, options_.layout, recipe(), options_.pt);
    files_->remove_leftovers();
    meter_.stage("reading and encoding tiles", 0.02, 0.99);
    stream_slides();
    return result();
  }

 private:
  FeatureRecipe recipe() const {
    const models::EncoderInfo& info = encoder_.encoder->info();
    FeatureRecipe recipe;
    recipe.encoder = info.name, recipe.encoder_sha256 = encoder_.description.sha256;
    std::replace(recipe.encoder.begin(), recipe.encoder.end(), '/', '_');  // it names a folder
    recipe.preprocessing = preprocessing_of(info);
    recipe.width = info.dim, recipe.type = options_.precision;
    double mpp = info.mpp;
    std::int64_t tile = info.tile_px, overlap = 0;
    if (!options_.coords.empty()) {
      const io::FeatureBag any = CoordsFolder(options_.coords).any();
      if (any.geometry.tile_px > 0) tile = any.geometry.tile_px;
      mpp = tile_mpp(any.geometry, any.attributes).value_or(mpp);
      if (const auto found = any.attributes.find("overlap"); found != any.attributes.end())
        overlap = parse_overlap(found->second, tile);
    }
    recipe.target_mpp = options_.tiles.target_mpp.value_or(mpp);
    recipe.tile_px = options_.tiles.tile_px.value_or(tile);
    recipe.overlap_px = values_.given("overlap") ? parse_overlap(options_.tiles.overlap, recipe.tile_px) : overlap;
    return recipe;
  }

  void stream_slides() {
    FeatureSource source(options_, values_, entries_, *files_, outcomes_, meter_.stop());
    const int threads = options_.threads > 0 ? static_cast<int>(options_.threads)
                                             : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    SlideStream stream([&] { return source.next(); }, *encoder_.encoder,
                       {options_.batch, threads, true, meter_.stop(), options_.placement.device.is_cuda()});
    while (auto rows = stream.next()) {
      throw_if_stopped(meter_.stop());
      take(*rows);
    }
    throw_if_stopped(meter_.stop());
  }

  void take(const SlideRows& rows) {
    SlideOutcome& outcome = outcomes_[rows.work->index];
    if (outcome.state != SlideState::kPending) return;  // it failed, and this was on its way
    try {
      if (rows.error) std::rethrow_exception(rows.error);
      write(rows);
    } catch (const std::exception& error) {
      const auto* ours = dynamic_cast<const Error*>(&error);
      if (ours && ours->code() == ErrorCode::kCancelled) throw;
      rows.work->abandoned = true;
      writer_.reset();
      settle(*rows.work, SlideState::kFailed, sentence_of(error, entries_[rows.work->index].id));
    }
  }

  void write(const SlideRows& rows) {
    const SlideWork& work = *rows.work;
    std::string reason;
    if (work.error) reason = reason_without_tiles(work);
    if (!writer_) {
      started_ = Clock::now();
      writer_.emplace(*files_, entries_[work.index], work);
    }
    if (rows.rows.defined()) {
      writer_->append(rows);
      const double share = static_cast<double>(2 * (rows.first + rows.rows.size(0))) /
                           static_cast<double>(std::max<std::size_t>(2, work.coords.size()));
      meter_.advance((static_cast<double>(work.index) + share) / static_cast<double>(entries_.size()));
    }
    if (!rows.last) return;
    writer_->commit();
    outcomes_[work.index].tiles = writer_->tiles(), outcomes_[work.index].unreadable = writer_->unreadable();
    writer_.reset();
    settle(work, work.error ? SlideState::kNoTissue : SlideState::kDone, reason);
  }

  /// A slide without tissue gets a file without rows; everything else that stops a slide is thrown.
  static std::string reason_without_tiles(const SlideWork& work) {
    try {
      std::rethrow_exception(work.error);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNoTissue) throw;
      return sentence_of(error, "");
    }
  }
  /// Without the slide's name, which every row of the summary has.
  static std::string sentence_of(const std::exception& error, const std::string& id) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    const std::string text = error.what();
    return ours && (id.empty() || ours->subject() == id) ? ours->problem() + ". " + ours->remedy() : text;
  }

  void settle(const SlideWork& work, SlideState state, const std::string& reason) {
    SlideOutcome& outcome = outcomes_[work.index];
    outcome.state = state, outcome.reason = reason;
    if (state != SlideState::kFailed) outcome.seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    const std::string& id = entries_[work.index].id;
    meter_.advance(static_cast<double>(work.index + 1) / static_cast<double>(entries_.size()),
                   reason.empty() ? id + ": " + std::to_string(outcome.tiles) + " tiles" : id + ": " + reason);
  }

  JobResult result() {
    const FeatureSummary summary{entries_, outcomes_};
    JobResult result;
    nlohmann::ordered_json json = summary.json();
    json["encoder"] = files_->recipe().encoder, json["encoder_sha256"] = files_->recipe().encoder_sha256;
    json["mpp"] = files_->recipe().target_mpp, json["tile_px"] = files_->recipe().tile_px;
    json["overlap_px"] = files_->recipe().overlap_px, json["format"] = values_.text("format");
    json["producer"] = "fovea " + version();
    summary.write_csv(options_.out / "summary.csv");
    io::write_file(options_.out / "summary.json", json.dump(2) + "\n");
    result.exit_code = summary.exit_code();
    result.outputs = {files_->features({}).parent_path(), options_.out / "summary.csv", options_.out / "summary.json"};
    result.notices = encoder_.description.notices;
    for (std::string& notice : summary.notices(kNoticesShown)) result.notices.push_back(std::move(notice));
    result.text = summary.text();
    result.json = json.dump(2);
    return result;
  }

  using Clock = std::chrono::steady_clock;
  const JobValues& values_;
  const FeaturesOptions options_;
  ProgressMeter meter_;
  ThreadCount thread_count_;
  std::vector<SlideEntry> entries_;
  std::vector<SlideOutcome> outcomes_;
  LoadedEncoder encoder_;
  std::optional<FeatureFiles> files_;
  std::optional<FeatureWriter> writer_;  // of the slide whose rows come
  Clock::time_point started_;
};

}  // namespace
}  // namespace slide

JobKind slide_features_job() {
  JobKind kind;
  kind.name = "slide features";
  kind.summary = "Tile features of slides, in files of CLAM's or TRIDENT's layout";
  kind.details =
      "Finds the tissue of each slide, cuts it into tiles and encodes them; rows are written as they come, so memory "
      "grows neither with\n"
      "the slide nor with the list. A slide is done when its features file has its name: running the command again "
      "goes on where it\n"
      "stopped, whatever stopped it. One bad slide does not stop the others; summary.csv says what became of each.\n"
      "Exit codes: 0 all have features, 1 wrong usage, 2 some have not (failed, or no tissue), 3 none could run, 130 "
      "cancelled.\n"
      "Example: fovea slide features --list slides.csv --encoder efficientnet_lite0 --out features";
  kind.parameters = slide::features_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return slide::FeaturesRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
