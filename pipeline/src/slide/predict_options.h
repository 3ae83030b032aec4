// The options of `slide predict`: their table, and the checked values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

#include "slide/heatmap.h"
#include "slide/tissue.h"
#include "slide/tissue_parameters.h"

namespace fovea::pipeline::slide {

struct PredictOptions {
  std::filesystem::path slide, features, model, out, dump;
  std::optional<std::string> features_key;
  std::string encoder;  ///< empty: from the model's metadata
  TileChoice tiles;
  TissueOptions tissue;  ///< once the slide's scale is known (tissue_options)
  std::int64_t batch = 16, chunk = 0, threads = 0;
  HeatmapStyle heatmap;
  std::string heatmap_scale = "percentile";
  std::int64_t branch = -1;  ///< -1: mean
  std::vector<std::string> labels;
  bool allow_torchscript = false, any_encoder = false;
  bool keep_features = false, slide_name = false;
  bool live = false;
  std::optional<double> stop_when_stable;  ///< implies live
};

std::vector<Parameter> predict_parameters();
/// Error(kUsage) with every problem at once.
PredictOptions predict_options(const JobValues& values);

}  // namespace fovea::pipeline::slide
