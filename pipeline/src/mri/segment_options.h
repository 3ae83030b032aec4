// The parameters of `mri segment`: one table, checked together.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

#include "mri/modalities.h"
#include "mri/segmentation.h"

namespace fovea::pipeline::mri {

struct ModalityFile {
  std::string name;  ///< as the user calls it
  std::filesystem::path path;
};

enum class BiasCorrection { kAsTrained, kOn, kOff };

struct SegmentOptions {
  std::vector<std::filesystem::path> volumes;  ///< or:
  std::vector<ModalityFile> modalities;
  Alignment alignment = Alignment::kRegister;
  std::filesystem::path model, out, dump, dicom_seg;
  std::filesystem::path source;  ///< of the reference volume, once it is known
  std::string brain_mask;        ///< "auto", "deepbet", "classical", "otsu", "none", or a file
  BiasCorrection bias_correction = BiasCorrection::kAsTrained;
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

/// "swan=a.nii.gz" -> name and path. A comma within a path came apart as a list item of its own and is put back. What
/// is wrong goes to `problems`.
std::vector<ModalityFile> modality_files(const std::vector<std::string>& items, std::vector<std::string>& problems);

/// "#e64d33" or "0.9,0.3,0.2" (0..1); nothing when it is neither.
std::optional<std::array<double, 3>> parsed_colour(const std::string& text);

}  // namespace fovea::pipeline::mri
