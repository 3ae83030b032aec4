// The parameters of `mri segment`: one table, checked together.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

#include "mri/segmentation.h"

namespace fovea::pipeline::mri {

struct SegmentOptions {
  std::vector<std::filesystem::path> volumes;
  std::filesystem::path model, out, brain_mask, dump, dicom_seg;
  io::VolumeReadOptions reading;
  SegmentationSettings settings;
  bool all_folds = true, ensemble_stated = false;
  double min_component_ml = 0, below_size_mm3 = 100;
  std::string label_name, pseudonym;
  std::optional<std::array<double, 3>> colour;
  std::int64_t threads = 0;
};

std::vector<Parameter> segment_parameters();
/// Error(kUsage) with everything that is wrong.
SegmentOptions segment_options(const JobValues& values);

/// "#e64d33" or "0.9,0.3,0.2" (0..1); nothing when it is neither.
std::optional<std::array<double, 3>> parsed_colour(const std::string& text);

}  // namespace fovea::pipeline::mri
