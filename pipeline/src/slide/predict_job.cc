// `slide predict`: slide (or feature bag) -> class probabilities and attention, streaming.
#include "jobs/jobs.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/bag.h>
#include <fovea/io/hash.h>
#include <fovea/io/slide.h>

#include "mil/run_files.h"
#include "model_store.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/bag_checks.h"
#include "slide/bag_pooler.h"
#include "slide/feature_spool.h"
#include "slide/live_view.h"
#include "slide/predict_options.h"
#include "slide/prediction.h"
#include "slide/tile_grid.h"
#include "slide/tile_stream.h"
#include "slide/visiting_order.h"
#include "slide/words.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace slide {
namespace {

constexpr std::int64_t kBagPiece = 4096;  // rows of a feature bag converted at a time

class PredictRun {
 public:
  PredictRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values),
        options_(predict_options(values)),
        meter_(sink, std::move(stop)),
        thread_count_(options_.threads) {}

  JobResult run() {
    meter_.stage("loading the model", 0, 0.02);
    load_model();
    const OutputFolder folder(options_.out);
    if (options_.slide.empty()) {
      predict_bag();
    } else {
      predict_slide();
    }
    check_finite();
    meter_.stage("writing results", 0.97, 1);
    JobResult result;
    note_all(stale_outputs(prediction_, options_, features_.has_value()));
    result.outputs = write_outputs(prediction_, options_, values_.request(), features_, meter_.stop());
    result.notices = prediction_.notices;
    result.text = prediction_text(prediction_);
    result.json = prediction_json(prediction_, options_, values_.request()).dump(2);
    return result;
  }

 private:
  void load_model() {
    mil_ = load_mil(options_.model);
    require_classes(mil_, options_.model.filename().string());
    change_ = mil::standardisation_of(mil_.description.metadata);
    prediction_.model = mil_.description;
    prediction_.notices = mil_.description.notices;
    const std::int64_t classes = mil_.model->config().classes;
    prediction_.labels = options_.labels.empty() ? mil_.description.labels : options_.labels;
    if (static_cast<std::int64_t>(prediction_.labels.size()) != classes)
      throw Error(ErrorCode::kUsage, options_.labels.empty() ? options_.model.filename().string() : "--labels",
                  std::to_string(prediction_.labels.size()) + " class names for a model with " +
                      std::to_string(classes) + " classes",
                  "Pass --labels with one name for each class.");
    const std::int64_t maps = mil_.model->config().branches * mil_.model->config().heads;
    if (options_.branch >= maps)
      throw Error(ErrorCode::kUsage, "--branch", "the model has " + std::to_string(maps) + " branches, counted from 0",
                  "Pass a lower index, or mean.");
  }

  void check_finite() const {
    require_finite(prediction_, options_.features.empty() ? options_.model : options_.features);
  }

  std::string metadata(const std::string& key) const {
    const auto found = mil_.description.metadata.find(key);
    return found == mil_.description.metadata.end() ? std::string{} : found->second;
  }
  /// A number of the model's metadata, or nothing when absent or unreadable.
  std::optional<double> metadata_number(const std::string& key) const {
    const std::string text = metadata(key);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value > 0 ? std::optional(value) : std::nullopt;
  }

  void check_encoder(const std::string& subject, const std::string& name, std::int64_t width) {
    slide::check_encoder({mil_, options_.model.filename().string(), options_.any_encoder}, subject, name, width,
                         prediction_.notices);
  }

  // --- from a feature bag ---

  void predict_bag() {
    meter_.stage("reading features", 0.02, 0.1);
    const std::string subject = options_.features.filename().string();
    io::FeatureBag bag = io::read_bag(options_.features, options_.features_key);
    if (bag.features.shape.size() != 2 || bag.features.shape[0] == 0)
      throw Error(ErrorCode::kNoTissue, subject, "the bag holds no tile (a slide without tissue)",
                  "There is nothing to predict here.");
    prediction_.feature_width = bag.features.shape[1];
    check_encoder(subject, bag.encoder, prediction_.feature_width);
    prediction_.encoder_name = prediction_.bag_encoder = bag.encoder;
    prediction_.bag_sha256 = io::sha256_of_file(options_.features);
    prediction_.bag_geometry = bag.geometry;
    prediction_.coords = std::move(bag.coords);
    prediction_.footprint_px = tile_edge(bag.geometry, prediction_.coords, prediction_.notices);

    meter_.stage("pooling", 0.1, 0.97);
    const at::Tensor rows = to_tensor(bag.features);
    const at::NoGradGuard no_grad;
    if (options_.live)
      return LiveView(options_, {*mil_.model, change_}, prediction_, rows.size(0), meter_).run(rows, kBagPiece);
    BagPooler pooler(*mil_.model, options_.chunk, prediction_.coords);
    for (std::int64_t begin = 0; begin < rows.size(0); begin += kBagPiece) {
      const at::Tensor some = rows.slice(0, begin, std::min(begin + kBagPiece, rows.size(0)));
      pooler.push(change_.applied(some.to(at::kFloat)).contiguous());
      meter_.advance(static_cast<double>(pooler.rows()) / static_cast<double>(rows.size(0)));
    }
    take_output(prediction_, pooler.finish());
  }

  // --- from a slide ---

  void predict_slide() {
    load_slide_encoder();
    subject_ = options_.slide.filename().string();
    const auto opened = io::open_slide(options_.slide, {options_.tiles.mpp});
    prediction_.slide = opened->info();
    note_all(opened->info().notices);
    const double mpp = level0_mpp(opened->info(), subject_);
    prediction_.plan = plan_reads(opened->info().levels, mpp, read_request(), subject_);
    options_.tissue = tissue_options(values_, mpp);
    find_tiles(*opened, mpp);
    read_thumbnail_of(*opened, mpp);
    stream_tiles(*opened);
  }

  void load_slide_encoder() {
    const std::string trained = metadata("fovea.encoder");
    const std::string name = !options_.encoder.empty() ? options_.encoder
                             : !trained.empty()        ? trained
                                                       : "efficientnet_lite0";
    encoder_ = load_encoder(name, options_.allow_torchscript);
    prediction_.encoder = encoder_.description;
    prediction_.encoder_name = encoder_.encoder->info().name;
    prediction_.feature_width = encoder_.encoder->info().dim;
    note_all(encoder_.description.notices);
    check_encoder(prediction_.encoder_name, prediction_.encoder_name, prediction_.feature_width);
  }

  ReadRequest read_request() const {
    const models::EncoderInfo& info = encoder_.encoder->info();
    ReadRequest request;
    request.target_mpp = options_.tiles.target_mpp.value_or(metadata_number("fovea.mpp").value_or(info.mpp));
    request.tile_px = options_.tiles.tile_px.value_or(
        static_cast<std::int64_t>(metadata_number("fovea.tile_px").value_or(static_cast<double>(info.tile_px))));
    request.overlap_px = parse_overlap(options_.tiles.overlap, request.tile_px);
    request.allow_upsampling = options_.tiles.allow_upsampling;
    return request;
  }

  void find_tiles(const io::Slide& opened, double mpp) {
    meter_.stage("finding tissue", 0.02, 0.08);
    OverviewReading reading{options_.tiles.allow_unreadable, meter_.stop(),
                            [this](double done) { meter_.advance(done); }};
    prediction_.tissue = find_tissue(opened, mpp, options_.tissue, reading, subject_);
    note_all(prediction_.tissue->notices);
    TileGrid grid =
        select_tiles(opened.info(), *prediction_.plan, *prediction_.tissue, options_.tiles.min_tissue, subject_);
    prediction_.positions = grid.inside_slide;
    prediction_.coords = std::move(grid.coords);
    prediction_.footprint_px = static_cast<double>(prediction_.plan->footprint_px);
    meter_.advance(1, std::to_string(prediction_.coords.size() / 2) + " tiles to look at");
  }

  /// Before the long part, so that a slide whose overview cannot be read fails early.
  void read_thumbnail_of(const io::Slide& opened, double mpp) {
    meter_.stage("drawing the overview", 0.08, 0.1);
    OverviewReading reading{options_.tiles.allow_unreadable, meter_.stop(),
                            [this](double done) { meter_.advance(done); }};
    prediction_.thumbnail_grid = thumbnail_grid(opened.info(), mpp, kFigureEdge);
    prediction_.thumbnail = read_thumbnail(opened, prediction_.thumbnail_grid, reading);
  }

  void stream_tiles(const io::Slide& opened) {
    meter_.stage("reading and encoding tiles", 0.1, 0.97);
    if (options_.live) return stream_live(opened);
    std::optional<FeatureSpool> spool;
    if (options_.keep_features) spool.emplace(options_.out / "features.bin");
    const auto features = features_of(opened, prediction_.coords);
    const at::NoGradGuard no_grad;
    BagPooler pooler(*mil_.model, options_.chunk, prediction_.coords);
    const auto tiles = static_cast<double>(prediction_.coords.size() / 2);
    while (auto batch = features->next()) {
      prediction_.unreadable += batch->unreadable;
      if (spool)
        spool->append(batch->rows.contiguous().const_data_ptr<float>(), batch->rows.size(0), batch->rows.size(1));
      pooler.push(change_.applied(batch->rows));
      meter_.advance(static_cast<double>(pooler.rows()) / tiles,
                     pooler.snapshot_due() ? early_result(pooler) : std::string{});
    }
    throw_if_stopped(meter_.stop());
    take_output(prediction_, pooler.finish());
    if (spool) features_ = spool->finish();  // stays mapped after the spool's file is gone
    note_unreadable();
  }

  std::unique_ptr<FeatureStream> features_of(const io::Slide& opened, std::span<const std::int64_t> coords) const {
    const int threads = options_.threads > 0 ? static_cast<int>(options_.threads)
                                             : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    return stream_features(opened, *prediction_.plan, coords, *encoder_.encoder,
                           {options_.batch, threads, options_.tiles.allow_unreadable, meter_.stop()});
  }

  /// Features wait on disk in scan order: what is pooled from them at the end has the bits of a run without --live.
  void stream_live(const io::Slide& opened) {
    const auto tiles = static_cast<std::int64_t>(prediction_.coords.size() / 2);
    LiveView live(options_, {*mil_.model, change_}, prediction_, tiles, meter_);
    const std::vector<std::int64_t> coords = corners_of(prediction_.coords, live.order());
    FeatureSpool spool(options_.out / "features.bin");
    auto features = features_of(opened, coords);
    const at::NoGradGuard no_grad;
    std::size_t visited = 0;
    while (auto batch = features->next()) {
      prediction_.unreadable += batch->unreadable;
      const at::Tensor rows = batch->rows.contiguous();
      for (std::int64_t i = 0; i < rows.size(0); ++i)
        spool.place(live.order()[visited++], rows[i].const_data_ptr<float>(), rows.size(1));
      if (!live.push(rows)) break;
      meter_.advance(static_cast<double>(visited) / static_cast<double>(live.order().size()));
    }
    features.reset();
    throw_if_stopped(meter_.stop());
    const io::Array stored = spool.finish();
    live.pool(to_tensor(stored), options_.batch);
    if (options_.keep_features) features_ = stored;
    note_unreadable();
  }

  void note_unreadable() {
    if (prediction_.unreadable > 0)
      prediction_.notices.push_back(std::to_string(prediction_.unreadable) +
                                    " tiles could not be read and count as background");
  }

  std::string early_result(const BagPooler& pooler) const {
    const at::Tensor probabilities = pooler.snapshot().bag_prob.to(at::kFloat).reshape({-1}).contiguous();
    const float* first = probabilities.const_data_ptr<float>();
    const auto best = static_cast<std::size_t>(std::max_element(first, first + probabilities.numel()) - first);
    return "after " + std::to_string(pooler.rows()) + " tiles: " + prediction_.labels[best] + " " +
           fixed_text(first[best], 2);
  }

  void note_all(const std::vector<std::string>& notices) {
    prediction_.notices.insert(prediction_.notices.end(), notices.begin(), notices.end());
  }

  const JobValues& values_;
  PredictOptions options_;
  ProgressMeter meter_;
  ThreadCount thread_count_;
  LoadedMil mil_;
  mil::Standardisation change_;  // what training did to features; kept features stay as the encoder gave them
  LoadedEncoder encoder_;
  std::string subject_;
  Prediction prediction_;
  std::optional<io::Array> features_;
};

}  // namespace
}  // namespace slide

JobKind slide_predict_job() {
  JobKind kind;
  kind.name = "slide predict";
  kind.summary = "Class probabilities and an attention heatmap of a whole slide";
  kind.details =
      "Finds the tissue, reads tiles at the model's scale, encodes them and pools them with attention, all streaming: "
      "memory does not grow\n"
      "with the slide (ABMIL, ACMIL-GA, CLAM; other models hold the features of its tiles). Writes prediction.json, "
      "heatmap.png, heatmap.geojson (opens in QuPath) and attention.h5 into "
      "--out, all or nothing.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run (unreadable, no tissue, no scale, ...), 130 cancelled.\n"
      "Example: fovea slide predict slide.svs --model model.safetensors --out result --overlap 50%\n"
      "From features: fovea slide predict --features slide.h5 --model model.safetensors --out result";
  kind.parameters = slide::predict_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return slide::PredictRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
