// The curves of a report: ROC with its band, precision and recall, survival of risk groups.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evaluation/chart.h"
#include "evaluation/ranked_scores.h"
#include "evaluation/statistics.h"

namespace fovea::pipeline::evaluation {

/// From (0, 0) to (1, 1): false-positive rate, true-positive rate. Empty when one of the groups is.
std::vector<Point> roc_curve(const RankedScores& scores, Multiplicity multiplicity = {});
/// Recall, precision. Empty without positives.
std::vector<Point> precision_recall_curve(const RankedScores& scores);

struct Band {
  std::vector<Point> low, high;
};
/// Pointwise percentile band of the true-positive rate at 51 false-positive rates.
Band roc_band(const RankedScores& scores, const Clusters& clusters, std::int64_t replicates, std::uint64_t seed,
              double confidence);

/// Height of a rising polyline at x, the upper end where it jumps.
double height_at(const std::vector<Point>& curve, double x);

/// Thins a curve to about `points` for drawing; the ends stay.
std::vector<Point> thinned(const std::vector<Point>& curve, std::size_t points);

}  // namespace fovea::pipeline::evaluation
