// Do the probabilities mean what they say? Brier score, logarithmic loss, calibration error and its bins.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evaluation/metrics.h"

namespace fovea::pipeline::evaluation {

/// Mean of sum_c (p_c - y_c)^2 over rows; halved for two classes, where it is then (p_1 - y_1)^2, as in scikit-learn.
double brier_score(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                   Multiplicity multiplicity = {});

/// Mean of -ln p of the true class, p kept 1.2e-7 (one float step) away from 0 and 1.
double log_loss(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                Multiplicity multiplicity = {});

/// Rows of a span of confidence: how sure the model was on average, and how often it was right.
struct ReliabilityBin {
  double low = 0, high = 1;
  double rows = 0;
  double confidence = 0, share = 0;  ///< means; 0 without rows
};

/// Bins of equal width; a confidence of exactly an edge belongs to the lower bin.
std::vector<ReliabilityBin> reliability(std::span<const float> confidence, const std::vector<bool>& right,
                                        Multiplicity multiplicity = {}, int bins = 15);
/// Mean distance of confidence and share over the bins, weighted by rows (ECE).
double calibration_error(std::span<const ReliabilityBin> bins);

/// The largest probability of each row, and whether it was of the true class.
struct TopConfidence {
  std::vector<float> confidence;
  std::vector<bool> right;
};
TopConfidence top_confidence(std::span<const float> probabilities, std::int64_t classes,
                             std::span<const std::int64_t> labels);

}  // namespace fovea::pipeline::evaluation
