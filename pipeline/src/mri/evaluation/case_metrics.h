// How well one segmentation fits its reference, on masks in memory: voxels, objects, surfaces, detection. Definitions:
// reference/segmentation.md 8 (the package raidionicsval) and reference/thrombus.md 6.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evaluation/result.h"
#include "mri/components.h"
#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Two masks on one grid: 0 outside, anything else inside; `[(k * size[1] + j) * size[0] + i]`.
struct MaskPair {
  Index3 size{0, 0, 0};
  Vec3 spacing_mm{1, 1, 1};
  std::span<const std::uint8_t> reference, prediction;
};

struct VoxelCounts {
  std::int64_t both = 0, predicted_only = 0, reference_only = 0;
};
/// Dice is 0 without overlap, of two empty masks as well; the others have 1e-6 in their denominators.
struct VoxelMetrics {
  double dice = 0, recall = 0, precision = 0, f1 = 0;
};
VoxelCounts voxel_counts(const MaskPair& masks);
VoxelMetrics voxel_metrics(const VoxelCounts& counts);

/// A connected part of a mask (faces touch) and the part of the other mask that it was matched with.
struct EvaluatedObject {
  std::int64_t voxels = 0;
  Vec3 centroid_index{};
  std::optional<std::size_t> match;  ///< position among the other mask's objects
};
struct ObjectMetrics {
  double recall = 0, precision = 0, f1 = 0;
  evaluation::Spread dice, voxel_recall, voxel_precision, voxel_f1;  ///< over matched objects
  std::vector<EvaluatedObject> references, predictions;
  std::vector<VoxelMetrics> of_reference;  ///< one a reference object; zeros where it has no match
};
/// Objects below `min_voxels` are dropped on both sides; what is left is matched one to one by the largest sum of Dice,
/// and a match needs a Dice above 0.1. Both empty: 1, 1, 1; only references: 0, 1, 0.5; only predictions: 1, 0, 0.5;
/// both but no match: 0, 1, 0 (as the package counts it).
ObjectMetrics object_metrics(const MaskPair& masks, std::int64_t min_voxels = 50);

/// Distances in mm between the border voxels of the masks (inside a mask, a face at its outside; the rim of the grid
/// counts as outside), voxel centre to voxel centre.
struct SurfaceMetrics {
  double hd95_mm = 0;  ///< 95th percentile of the distances in both directions taken together
  double assd_mm = 0;  ///< mean of the two directions' mean distances
};
/// Nothing when one of the masks is empty.
std::optional<SurfaceMetrics> surface_metrics(const MaskPair& masks);

/// Was the lesion found at all? Components touch by faces, edges or corners and may be of any size.
struct Detection {
  bool overlap = false;              ///< a predicted component shares a voxel with the reference
  bool dice = false;                 ///< the case's Dice is at least 0.1
  bool centroid = false;             ///< a predicted component's centroid lies within 5 mm of a reference component's
  std::int64_t components = 0;       ///< predicted
  std::int64_t false_positives = 0;  ///< predicted components without a voxel of the reference
};
Detection detection(const MaskPair& masks);

/// Everything above, at once.
struct CaseMetrics {
  double reference_ml = 0, prediction_ml = 0;
  VoxelMetrics voxel;
  ObjectMetrics object;
  std::optional<SurfaceMetrics> surface;
  Detection detection;
};
CaseMetrics case_metrics(const MaskPair& masks, std::int64_t min_voxels = 50);

}  // namespace fovea::pipeline::mri
