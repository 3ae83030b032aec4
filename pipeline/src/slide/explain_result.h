// What `slide explain` found, and its files.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "slide/embedding.h"
#include "slide/explain_options.h"
#include "slide/explanation.h"
#include "slide/prediction.h"

namespace fovea::pipeline::slide {

struct TopTile {
  std::int64_t index = 0;
  std::vector<float> alone;  ///< what the model says of a bag with this tile alone
  io::Image picture;         ///< empty without the slide
};

struct Explanation {
  Prediction prediction;
  std::int64_t target = 0;       ///< output that was explained
  std::string score;             ///< what curves show: "probability of tumour", "risk", "value"
  std::vector<float> attention;  ///< [N] mean over all maps
  std::vector<float> gradient;   ///< [N] gradient x input
  Agreement agreement;
  std::vector<Agreement> branches;  ///< of each map, where there are several
  RemovalCurves curves;
  std::vector<TopTile> top;
  std::vector<std::int64_t> embedded;  ///< indices of the points
  std::vector<PlanePoint> plane;
  std::string plane_method;  ///< "UMAP", "principal components"; empty: none
  double plane_trust = 0;
  OverviewGrid overview_grid;  ///< of the overlay map; with the slide alone
  io::Image overview;
};

/// The output's number that is explained.
double score_of(const models::MilOutput& output, std::int64_t target);

nlohmann::ordered_json explain_json(const Explanation& explanation, const ExplainOptions& options);
std::string explain_html(const Explanation& explanation, const ExplainOptions& options);
std::string top_tiles_csv(const Explanation& explanation);
/// All files or none.
std::vector<std::filesystem::path> write_explanation(const Explanation& explanation, const ExplainOptions& options,
                                                     const std::stop_token& stop);

}  // namespace fovea::pipeline::slide
