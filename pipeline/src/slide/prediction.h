// What a run found, and its files: prediction.json, heatmap.png, heatmap.geojson, attention.h5, and on request features
// and dump.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <fovea/io/bag.h>
#include <fovea/io/image.h>
#include <fovea/models/mil.h>
#include <fovea/pipeline/job.h>

#include "model_store.h"
#include "slide/live.h"
#include "slide/predict_options.h"
#include "slide/read_plan.h"
#include "slide/tissue.h"

namespace fovea::pipeline::slide {

/// Everything a run knows once the bag is pooled. Parts that do not apply (a slide's, when it began with features) are
/// empty.
struct Prediction {
  // Attention and classes
  std::int64_t tiles = 0, classes = 0;
  std::int64_t branches = 1;  ///< attention maps: every head of every branch has one
  std::int64_t heads = 1;
  std::vector<float> attention_raw, attention_softmax;     ///< [K, N]
  std::vector<float> branch_logits, bag_logits, bag_prob;  ///< [K, C] (may be empty), [C], [C]
  std::vector<std::string> labels;
  // Where the tiles lie
  std::vector<std::int64_t> coords;  ///< empty: unknown
  double footprint_px = 0;           ///< level-0 pixels
  // The slide
  std::optional<io::SlideInfo> slide;
  std::optional<ReadPlan> plan;
  std::optional<Tissue> tissue;
  std::int64_t positions = 0;  ///< of the grid inside the slide
  std::int64_t unreadable = 0;
  io::Image thumbnail;
  OverviewGrid thumbnail_grid;
  // The bag it began with
  std::optional<io::BagGeometry> bag_geometry;
  std::string bag_sha256, bag_encoder;
  std::optional<LiveReport> live;  ///< of a run with --live
  // Provenance
  ModelDescription model;
  std::optional<ModelDescription> encoder;
  std::string encoder_name;
  std::int64_t feature_width = 0;
  std::vector<std::string> notices;
};

/// Pulls the arrays out of the network's output.
void take_output(Prediction& prediction, const models::MilOutput& output);

/// The picture of heatmap.png: attention over the slide, or over white for a bag.
io::Image prediction_figure(const Prediction& prediction, const PredictOptions& options);

/// prediction.json as a value; holds no path, no file name (unless asked for with --slide-name) and no patient
/// identifier.
nlohmann::ordered_json prediction_json(const Prediction& prediction, const PredictOptions& options,
                                       const JobRequest& request);

/// A few lines for the terminal.
std::string prediction_text(const Prediction& prediction);

/// A notice for every file of an earlier run that this one does not replace: it would be taken for its own.
std::vector<std::string> stale_outputs(const Prediction& prediction, const PredictOptions& options, bool features);

/// Writes every file under a temporary name and renames them all at the end, so that an error or a cancel leaves an
/// earlier result untouched and nothing partial. `features`: [N, D] for --keep-features. Returns the paths.
std::vector<std::filesystem::path> write_outputs(const Prediction& prediction, const PredictOptions& options,
                                                 const JobRequest& request, const std::optional<io::Array>& features,
                                                 const std::stop_token& stop);

}  // namespace fovea::pipeline::slide
