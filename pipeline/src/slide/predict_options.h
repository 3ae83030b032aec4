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

namespace fovea::pipeline::slide {

struct PredictOptions {
  std::filesystem::path slide, features, model, out, dump;
  std::optional<std::string> features_key;
  std::string encoder;                    ///< empty: from the model's metadata
  std::optional<double> mpp, target_mpp;  ///< micrometres per pixel
  std::optional<std::int64_t> tile_px;
  std::string overlap;
  std::string preset;
  TissueOptions tissue;  ///< method, mask file and mask scale; the rest once the scale is known (tissue_options)
  double min_tissue = 0.1;
  std::int64_t batch = 16, chunk = 0, threads = 0;
  HeatmapStyle heatmap;
  std::string heatmap_scale = "percentile";
  std::int64_t branch = -1;  ///< -1: mean
  std::vector<std::string> labels;
  bool allow_upsampling = false, allow_unreadable = false, allow_torchscript = false, any_encoder = false;
  bool keep_features = false, slide_name = false;
  bool live = false;
  std::optional<double> stop_when_stable;  ///< implies live
};

std::vector<Parameter> predict_parameters();
/// Error(kUsage) with every problem at once.
PredictOptions predict_options(const JobValues& values);
/// The preset's rules, then what the user set on top of them.
TissueOptions tissue_options(const PredictOptions& options, const JobValues& values, double mpp_level0);

}  // namespace fovea::pipeline::slide
