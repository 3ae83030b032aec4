#include "evaluation/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea::pipeline::evaluation {
namespace {

constexpr double kStep = std::numeric_limits<float>::epsilon();

/// Mean over rows of `cost(row values, label)`.
template <class Cost>
double mean_cost(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                 Multiplicity multiplicity, Cost cost) {
  double sum = 0, rows = 0;
  const auto width = static_cast<std::size_t>(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double times = times_counted(multiplicity, i);
    if (times == 0) continue;
    sum += times * cost(probabilities.subspan(i * width, width), static_cast<std::size_t>(labels[i]));
    rows += times;
  }
  return rows == 0 ? 0 : sum / rows;
}

}  // namespace

double brier_score(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                   Multiplicity multiplicity) {
  const double sum =
      mean_cost(probabilities, classes, labels, multiplicity, [](std::span<const float> row, std::size_t label) {
        double squares = 0;
        for (std::size_t c = 0; c < row.size(); ++c) {
          const double off = static_cast<double>(row[c]) - (c == label ? 1 : 0);
          squares += off * off;
        }
        return squares;
      });
  return classes == 2 ? sum / 2 : sum;
}

double log_loss(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                Multiplicity multiplicity) {
  return mean_cost(probabilities, classes, labels, multiplicity, [](std::span<const float> row, std::size_t label) {
    return -std::log(std::clamp(static_cast<double>(row[label]), kStep, 1 - kStep));
  });
}

std::vector<ReliabilityBin> reliability(std::span<const float> confidence, const std::vector<bool>& right,
                                        Multiplicity multiplicity, int bins) {
  std::vector<ReliabilityBin> all(static_cast<std::size_t>(bins));
  for (int b = 0; b < bins; ++b)
    all[static_cast<std::size_t>(b)].low = static_cast<double>(b) / bins,
    all[static_cast<std::size_t>(b)].high = static_cast<double>(b + 1) / bins;
  for (std::size_t i = 0; i < confidence.size(); ++i) {
    const double times = times_counted(multiplicity, i), value = static_cast<double>(confidence[i]);
    const int place = std::clamp(static_cast<int>(std::ceil(value * bins)) - 1, 0, bins - 1);
    ReliabilityBin& bin = all[static_cast<std::size_t>(place)];
    bin.rows += times, bin.confidence += times * value, bin.share += right[i] ? times : 0;
  }
  for (ReliabilityBin& bin : all)
    if (bin.rows > 0) bin.confidence /= bin.rows, bin.share /= bin.rows;
  return all;
}

double calibration_error(std::span<const ReliabilityBin> bins) {
  double sum = 0, rows = 0;
  for (const ReliabilityBin& bin : bins) sum += bin.rows * std::abs(bin.confidence - bin.share), rows += bin.rows;
  return rows == 0 ? 0 : sum / rows;
}

TopConfidence top_confidence(std::span<const float> probabilities, std::int64_t classes,
                             std::span<const std::int64_t> labels) {
  TopConfidence top;
  const auto width = static_cast<std::size_t>(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * width, width);
    const auto best = std::max_element(row.begin(), row.end());
    top.confidence.push_back(*best);
    top.right.push_back(best - row.begin() == labels[i]);
  }
  return top;
}

}  // namespace fovea::pipeline::evaluation
