// What is known of one case after it was measured: a row of per_case.csv.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fovea/io/volume.h>

#include "mri/evaluation/case_list.h"
#include "mri/evaluation/case_metrics.h"

namespace fovea::pipeline::mri {

/// Which voxels count as predicted.
enum class MaskSource {
  kLabels,     ///< the prediction's labels, or probability >= 0.5 where a case has no labels
  kThreshold,  ///< probability >= the threshold given
  kBest        ///< probability >= the threshold that the sweep found best
};

struct CaseSettings {
  int label = 0;  ///< that counts; 0: any
  MaskSource source = MaskSource::kLabels;
  double threshold = 0.5;
  std::int64_t min_voxels = 50;
};

struct SweepPoint {
  double threshold = 0;
  VoxelMetrics voxel;
};

struct CaseResult {
  CaseFiles files;
  std::string problem;  ///< why the case could not be measured; empty: it was
  io::Geometry geometry;
  CaseMetrics metrics;
  std::vector<SweepPoint> sweep;  ///< at 0.1, 0.2, ..., 1; empty without probabilities

  bool usable() const { return problem.empty(); }
};

/// Where the volume holds the label (0: any); Error(kCorrupt) when its values are no labels.
std::vector<std::uint8_t> mask_of(const io::Volume& volume, const std::filesystem::path& path, int label);

/// The two masks of a case on their common grid.
struct CaseMasks {
  io::Geometry geometry;
  std::vector<std::uint8_t> reference, prediction;
  MaskPair pair() const { return {geometry.size, geometry.spacing_mm, reference, prediction}; }
};
/// Error of the reader; kShape when the grids differ, kCorrupt for a mask that holds no labels or a probability outside
/// [0, 1], kNotFound when the case lacks what the settings ask for.
CaseMasks read_case_masks(const CaseFiles& files, const CaseSettings& settings);

/// Dice, recall, precision and F1 at ten thresholds; empty when the case has no probability.
std::vector<SweepPoint> read_case_sweep(const CaseFiles& files, const CaseSettings& settings);

}  // namespace fovea::pipeline::mri
