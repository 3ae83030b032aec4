#include "evaluation/ranked_scores.h"

#include <algorithm>

#include "evaluation/ranks.h"

namespace fovea::pipeline::evaluation {

RankedScores::RankedScores(std::span<const float> scores, std::vector<bool> positive)
    : scores_(scores.begin(), scores.end()), positive_(std::move(positive)), order_(ascending_order(scores)) {
  std::reverse(order_.begin(), order_.end());
}

std::vector<OperatingPoint> RankedScores::operating_points(Multiplicity multiplicity) const {
  std::vector<OperatingPoint> points;
  OperatingPoint so_far;
  for (std::size_t place = 0; place < order_.size(); ++place) {
    const std::size_t row = order_[place];
    (positive_[row] ? so_far.true_positives : so_far.false_positives) += times_counted(multiplicity, row);
    so_far.threshold = static_cast<double>(scores_[row]);
    const bool last_of_ties = place + 1 == order_.size() || scores_[order_[place + 1]] != scores_[row];
    if (last_of_ties) points.push_back(so_far);
  }
  return points;
}

std::optional<double> RankedScores::auroc(Multiplicity multiplicity) const {
  double area = 0;  // in pairs: trapezoids give ties their half
  OperatingPoint before;
  for (const OperatingPoint& point : operating_points(multiplicity)) {
    area += (point.false_positives - before.false_positives) * (point.true_positives + before.true_positives) / 2;
    before = point;
  }
  const double pairs = before.true_positives * before.false_positives;
  return pairs > 0 ? std::optional(area / pairs) : std::nullopt;
}

std::optional<double> RankedScores::average_precision(Multiplicity multiplicity) const {
  double sum = 0;
  OperatingPoint before;
  for (const OperatingPoint& point : operating_points(multiplicity)) {
    const double found = point.true_positives + point.false_positives;
    if (found > 0) sum += point.true_positives / found * (point.true_positives - before.true_positives);
    before = point;
  }
  return before.true_positives > 0 ? std::optional(sum / before.true_positives) : std::nullopt;
}

}  // namespace fovea::pipeline::evaluation
