// The options of `slide explain`: their table, and the checked values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

#include "slide/heatmap.h"

namespace fovea::pipeline::slide {

struct ExplainOptions {
  std::filesystem::path features, model, slide, out;
  std::optional<std::string> features_key;
  std::optional<double> mpp;  ///< of the slide, the user's value
  std::string scale = "percentile", target, embedding = "umap";
  HeatmapStyle heatmap;
  double zoom = 1;
  std::int64_t top = 15, random_orders = 3, threads = 0;
  std::uint64_t seed = 0;
  bool any_encoder = false;
};

std::vector<Parameter> explain_parameters();
/// Error(kUsage) with every problem at once.
ExplainOptions explain_options(const JobValues& values);

}  // namespace fovea::pipeline::slide
