// A network on a prepared case, as inference would see it, and how well it did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fovea/models/segmentation.h>

#include "mri/evaluation/case_metrics.h"
#include "mri/training/prepared.h"

namespace fovea::pipeline::mri::training {

/// Which modalities a case is shown with.
struct Pattern {
  std::string name;  ///< "all", "without dwi", "swan only", "dwi+adc only"
  std::vector<bool> shown;
};
/// One for networks of one modality; else all, each single one missing, each of the most informative ones alone
/// (thrombus.md 3).
std::vector<Pattern> patterns_of(const Recipe& recipe);

/// The label of every voxel of the case's lattice: the highest probability among those from 0.5. Nothing when the
/// pattern leaves no modality of the case.
std::optional<std::vector<std::uint8_t>> predicted_label(const models::SegNetwork& network, const Prepared& prepared,
                                                         const Recipe& recipe, const Pattern& pattern);

/// The part of `labels` that is `label`, as a mask.
std::vector<std::uint8_t> mask_of(const std::vector<std::uint8_t>& labels, std::uint8_t label);

/// Channels as the networks take them: [C, X, Y, Z], or [C, X, Y] for one slice.
at::Tensor image_tensor(const std::vector<Grid>& channels, bool with_depth);
/// int64 [X, Y, Z] or [X, Y].
at::Tensor label_tensor(const std::vector<std::uint8_t>& label, const Index3& size, bool with_depth);

}  // namespace fovea::pipeline::mri::training
