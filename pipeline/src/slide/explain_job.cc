// `slide explain`: what a trained model looked at on one slide, from its stored features.
#include "jobs/jobs.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>

#include "mil/bag_prediction.h"
#include "mil/run_files.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/bag_checks.h"
#include "slide/explain_result.h"
#include "slide/score_map.h"
#include "slide/words.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace slide {
namespace {

constexpr std::int64_t kEmbedded = 5000, kTrustRows = 1000, kOverviewPixels = 32'000'000;
constexpr int kTileEdge = 256;

class ExplainRun {
 public:
  ExplainRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : options_(explain_options(values)), meter_(sink, std::move(stop)), threads_(options_.threads) {}

  JobResult run() {
    meter_.stage("reading model and features", 0, 0.05);
    load();
    const OutputFolder folder(options_.out);
    if (!options_.slide.empty()) open_slide();
    meter_.stage("gradients", 0.1, 0.2);
    explain_gradients();
    meter_.stage("deletion and insertion", 0.2, 0.7);
    draw_curves();
    meter_.stage("tiles", 0.7, 0.8);
    show_top_tiles();
    meter_.stage("embedding", 0.8, 0.9);
    embed();
    meter_.stage("writing results", 0.9, 1);
    JobResult result;
    result.outputs = write_explanation(found_, options_, meter_.stop());
    result.notices = found_.prediction.notices;
    result.json = explain_json(found_, options_).dump(2);
    result.text =
        found_.score + " " + fixed_text(whole_score_, 3) + ", " + std::to_string(found_.prediction.tiles) + " tiles\n";
    return result;
  }

 private:
  void load() {
    Prediction& p = found_.prediction;
    mil_ = load_mil(options_.model);
    require_classes(mil_, options_.model.filename().string());
    p.model = mil_.description, p.labels = mil_.description.labels, p.notices = mil_.description.notices;
    io::FeatureBag bag = io::read_bag(options_.features, options_.features_key);
    const std::string subject = options_.features.filename().string();
    if (bag.features.shape.size() != 2 || bag.features.shape[0] == 0)
      throw Error(ErrorCode::kNoTissue, subject, "the bag holds no tile (a slide without tissue)",
                  "There is nothing to explain here.");
    p.feature_width = bag.features.shape[1], p.encoder_name = p.bag_encoder = bag.encoder;
    check_encoder({mil_, options_.model.filename().string(), options_.any_encoder}, subject, bag.encoder,
                  p.feature_width, p.notices);
    p.bag_sha256 = io::sha256_of_file(options_.features);
    p.bag_geometry = bag.geometry, p.coords = std::move(bag.coords);
    p.footprint_px = tile_edge(bag.geometry, p.coords, p.notices);
    if (p.coords.empty()) p.notices.push_back("the bag does not say where its tiles lie: no maps were drawn");
    features_ = bag.features;
    bag_.rows = to_tensor(features_).to(at::kFloat).contiguous();
    const mil::Standardisation change = mil::standardisation_of(mil_.description.metadata);
    if (change.mean.defined()) bag_.rows = change.applied(bag_.rows);
    if (!p.coords.empty())
      bag_.coords = at::from_blob(p.coords.data(), {static_cast<std::int64_t>(p.coords.size() / 2), 2}, at::kLong);
    const models::MilOutput output = mil::output_of(*mil_.model, bag_);
    take_output(p, output);
    require_finite(p, options_.features);
    found_.attention = branch_attention(p.attention_softmax, p.branches, -1);
    choose_target(output);
  }

  void choose_target(const models::MilOutput& output) {
    const std::vector<std::string>& labels = found_.prediction.labels;
    const std::vector<float>& probabilities = found_.prediction.bag_prob;
    found_.target = std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
    if (!options_.target.empty()) {
      const auto named = std::find(labels.begin(), labels.end(), options_.target);
      if (named == labels.end())
        throw Error(ErrorCode::kUsage, "--target", "the model has no class '" + options_.target + "'",
                    "Name one of its classes; fovea model info lists them.");
      found_.target = named - labels.begin();
    }
    found_.score = "probability of " + labels.at(static_cast<std::size_t>(found_.target));
    whole_score_ = score_of(output, found_.target);
  }

  void open_slide() {
    meter_.stage("reading the slide", 0.05, 0.1);
    slide_ = io::open_slide(options_.slide, {options_.mpp});
    Prediction& p = found_.prediction;
    p.slide = slide_->info();
    p.notices.insert(p.notices.end(), p.slide->notices.begin(), p.slide->notices.end());
    const double mpp = p.slide->scale ? p.slide->scale->mpp : 0;
    OverviewReading reading{true, meter_.stop(), [this](double done) { meter_.advance(done); }};
    p.thumbnail_grid = thumbnail_grid(*p.slide, mpp, kFigureEdge);
    p.thumbnail = read_thumbnail(*slide_, p.thumbnail_grid, reading);
    if (p.footprint_px <= 0) return;
    const auto& level = p.slide->levels.front();
    const MapGrid grid = map_grid(level.width, level.height, p.footprint_px, mpp, kOverviewPixels);
    found_.overview_grid = overview_grid(*p.slide, grid.pixel_px, mpp, kOverviewPixels);
    found_.overview = read_thumbnail(*slide_, found_.overview_grid, reading);
  }

  void explain_gradients() {
    const Prediction& p = found_.prediction;
    found_.gradient = gradient_times_input(*mil_.model, bag_.rows, bag_.coords, found_.target);
    found_.agreement = agreement_of(found_.attention, found_.gradient);
    for (std::int64_t k = 0; k < p.branches && p.branches > 1; ++k)
      found_.branches.push_back(agreement_of(branch_attention(p.attention_softmax, p.branches, k), found_.gradient));
  }

  mil::Bag part(std::span<const std::int64_t> indices) const {
    const at::Tensor chosen = at::from_blob(const_cast<std::int64_t*>(indices.data()),
                                            {static_cast<std::int64_t>(indices.size())}, at::kLong);
    mil::Bag bag;
    bag.rows = bag_.rows.index_select(0, chosen);
    if (bag_.coords.defined()) bag.coords = bag_.coords.index_select(0, chosen);
    return bag;
  }

  void draw_curves() {
    found_.curves = removal_curves(
        found_.attention,
        [&](std::span<const std::int64_t> indices) {
          return score_of(mil::output_of(*mil_.model, part(indices)), found_.target);
        },
        options_.random_orders, options_.seed, [this](double done) { meter_.advance(done); });
  }

  void show_top_tiles() {
    const std::vector<std::int64_t> order = strongest_first(found_.attention);
    const auto count = std::min<std::int64_t>(options_.top, static_cast<std::int64_t>(order.size()));
    for (std::int64_t i = 0; i < count; ++i) {
      TopTile& tile = found_.top.emplace_back();
      tile.index = order[static_cast<std::size_t>(i)];
      const at::Tensor alone =
          mil::output_of(*mil_.model, part({&tile.index, 1})).bag_prob.to(at::kFloat).reshape({-1}).contiguous();
      tile.alone.assign(alone.const_data_ptr<float>(), alone.const_data_ptr<float>() + alone.numel());
      if (slide_ && found_.prediction.footprint_px > 0) tile.picture = picture_of(tile.index);
      meter_.advance(static_cast<double>(i + 1) / static_cast<double>(count));
    }
  }

  /// From the coarsest level that still has a picture's pixels. An unreadable tile has no picture; the rest goes on.
  io::Image picture_of(std::int64_t index) {
    const Prediction& p = found_.prediction;
    std::size_t level = 0;
    for (std::size_t i = 0; i < p.slide->levels.size(); ++i)
      if (p.footprint_px / p.slide->levels[i].downsample >= kTileEdge) level = i;
    const auto edge = std::max<std::int64_t>(1, rounded_px(p.footprint_px / p.slide->levels[level].downsample));
    io::Image picture(static_cast<int>(edge), static_cast<int>(edge), 3);
    const auto at = static_cast<std::size_t>(2 * index);
    try {
      slide_->read_region(static_cast<int>(level), p.coords[at], p.coords[at + 1], edge, edge, picture.pixels);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt) throw;
      found_.prediction.notices.push_back("a tile of the gallery could not be read");
      return {0, 0, 3};
    }
    return edge == kTileEdge ? picture : io::resize(picture, kTileEdge, kTileEdge);
  }

  void embed() {
    const std::int64_t count = bag_.rows.size(0);
    if (options_.embedding == "none" || count < 3) return;
    found_.embedded = sampled_indices(count, kEmbedded, options_.seed);
    const at::Tensor rows = part(found_.embedded).rows;
    const bool umap = options_.embedding == "umap" && has_umap();
    if (options_.embedding == "umap" && !umap)
      found_.prediction.notices.push_back("this program was built without UMAP: principal components were drawn");
    found_.plane = umap ? umap_plane(rows, options_.seed) : principal_plane(rows);
    found_.plane_method = umap ? "UMAP" : "principal components";
    const auto few = static_cast<std::size_t>(std::min<std::int64_t>(kTrustRows, rows.size(0)));
    if (few >= 40)
      found_.plane_trust =
          trustworthiness(rows.slice(0, 0, static_cast<std::int64_t>(few)),
                          {found_.plane.begin(), found_.plane.begin() + static_cast<std::ptrdiff_t>(few)}, 12);
  }

  ExplainOptions options_;
  ProgressMeter meter_;
  ThreadCount threads_;
  LoadedMil mil_;
  io::Array features_;
  mil::Bag bag_;
  std::unique_ptr<io::Slide> slide_;
  double whole_score_ = 0;
  Explanation found_;
};

}  // namespace

double score_of(const models::MilOutput& output, std::int64_t target) {
  return output.bag_prob.to(at::kDouble).reshape({-1})[target].item<double>();
}

}  // namespace slide

JobKind slide_explain_job() {
  JobKind kind;
  kind.name = "slide explain";
  kind.summary = "What a slide model looked at: maps, top tiles, and how far attention explains the decision";
  kind.details =
      "Works from stored features; the slide is needed for pictures of tissue alone. Writes explain.json, "
      "explain.html, "
      "a heatmap, a pyramidal score map (TIFF) for the mean and each branch, an overlay map, heatmap.geojson (QuPath), "
      "attention.h5, top_tiles.csv and a gallery into --out, all or nothing.\n"
      "Attention explains part of a decision: the report sets it against gradient x input, and shows what happens to "
      "the "
      "result when the most attended tiles are removed.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run, 130 cancelled.\n"
      "Example: fovea slide explain --features slide.h5 --model model.safetensors --slide slide.svs --out explained";
  kind.parameters = slide::explain_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return slide::ExplainRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
