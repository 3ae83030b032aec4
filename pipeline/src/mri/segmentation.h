// Volumes in, probabilities and labels on the same grid out: the pipeline of reference/segmentation.md 7, without
// files.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fovea/io/array.h>
#include <fovea/io/volume.h>
#include <fovea/models/segmentation.h>

#include "mri/crop.h"
#include "mri/network_step.h"
#include "mri/preprocessing.h"
#include "mri/test_time.h"
#include "progress.h"

namespace fovea::pipeline::mri {

/// Trained on the brain alone.
inline bool wants_brain(const Preprocessing& p) {
  return p.cropping == Cropping::kBrainClip || p.cropping == Cropping::kBrainMask;
}

enum class ResampleOrder {
  kFirst,
  kSecond
};  ///< probabilities to the native grid first, or threshold on the network's grid first

struct SegmentationSettings {
  Compat compat = Compat::kFovea;
  ResampleOrder order = ResampleOrder::kFirst;
  std::optional<double> threshold;         ///< instead of the model's
  std::vector<Plane> planes;               ///< slice-wise networks; empty: chosen from the spacing
  Ensemble ensemble = Ensemble::kAverage;  ///< of folds and of test-time runs
  TestTime test_time = TestTime::kNone;
  bool whole_head = false;  ///< a model that wants the brain alone gets the head as it is
  bool dump = false;        ///< keep the intermediates
  double max_bytes = 4.0 * 1024 * 1024 * 1024;
};

struct SegmentationInput {
  std::vector<io::Volume> volumes;  ///< channels in the model's order, all on one grid
  std::size_t reference = 0;        ///< whose values are kept, for pictures and the midline
  std::optional<io::Volume> brain_mask;
  std::string subject = "volume";  ///< names the first volume in messages
};

/// The networks of a model's folds, opened one at a time.
struct SegmentationModel {
  models::SegConfig config;
  Preprocessing preprocessing;
  std::size_t folds = 1;
  std::function<std::shared_ptr<const models::SegNetwork>(std::size_t)> open;
};

struct Segmentation {
  io::LabelVolume labels;
  /// On the native grid: one per foreground class, or one alone that is the highest of them.
  std::vector<Grid> probabilities;
  Grid label_probability;          ///< of each voxel's own label, where that may be less than the highest; else empty
  std::vector<double> thresholds;  ///< that were applied, one per foreground class
  std::vector<Plane> planes;       ///< that a slice-wise network looked at
  Box crop;
  /// Recurrent networks, on the native grid: the modality attention's weight of each modality that was there (they sum
  /// to 1), and the attention gate.
  std::vector<std::pair<std::string, Grid>> modality_weights;
  std::optional<Grid> gate;
  std::vector<std::string> notices;
  std::map<std::string, io::Array> dump;

  /// Of the label, one per voxel; only voxels with this label count.
  const std::vector<float>& probability_of(int label) const;
};

/// Error(kShape) when grids or their number do not fit the model, Error(kUsage) when a brain mask is wanted and not
/// given, Error(kNoTissue) for a constant volume. The volumes' values are freed as they are used; the
/// reference's are kept.
Segmentation segment(SegmentationInput& input, const SegmentationModel& model, const SegmentationSettings& settings,
                     ProgressMeter& meter);

}  // namespace fovea::pipeline::mri
