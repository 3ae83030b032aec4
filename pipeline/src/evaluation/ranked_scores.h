// One class against the rest: scores sorted once, so that every figure of a resampled set costs one pass.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evaluation/metrics.h"

namespace fovea::pipeline::evaluation {

/// A point of the ROC and of the precision-recall curve: everything at or above `threshold` counts as positive.
struct OperatingPoint {
  double threshold = 0;
  double true_positives = 0, false_positives = 0;  ///< counts
};

class RankedScores {
 public:
  RankedScores(std::span<const float> scores, std::vector<bool> positive);

  /// Area under the ROC curve, ties count half; nothing when one of the two groups is empty.
  std::optional<double> auroc(Multiplicity multiplicity = {}) const;
  /// Sum of precision times the step in recall (scikit-learn's average precision); nothing without positives.
  std::optional<double> average_precision(Multiplicity multiplicity = {}) const;
  /// From the highest threshold to the lowest, one point for every distinct score.
  std::vector<OperatingPoint> operating_points(Multiplicity multiplicity = {}) const;

  std::size_t rows() const { return scores_.size(); }

 private:
  std::vector<float> scores_;
  std::vector<bool> positive_;
  std::vector<std::size_t> order_;  ///< from the largest score
};

}  // namespace fovea::pipeline::evaluation
