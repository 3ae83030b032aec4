#include "slide/metrics.h"

#include <algorithm>

#include "slide/attention_values.h"

namespace fovea::pipeline::slide {

std::optional<double> auroc(std::span<const float> scores, const std::vector<bool>& positive) {
  const std::vector<float> ranks = percentile_ranks(scores);  // average rank of ties / N
  double positives = 0, rank_sum = 0;
  const auto total = static_cast<double>(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (positive[i]) ++positives, rank_sum += static_cast<double>(ranks[i]) * total;
  const double negatives = total - positives;
  if (positives == 0 || negatives == 0) return {};
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

std::optional<double> macro_auroc(std::span<const float> probabilities, std::int64_t classes,
                                  std::span<const std::int64_t> labels) {
  double sum = 0;
  int counted = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    std::vector<float> scores;
    std::vector<bool> positive;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      scores.push_back(probabilities[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(c)]);
      positive.push_back(labels[i] == c);
    }
    if (const auto area = auroc(scores, positive)) sum += *area, ++counted;
  }
  if (counted == 0) return {};
  return sum / counted;
}

double accuracy(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * static_cast<std::size_t>(classes), static_cast<std::size_t>(classes));
    right += std::max_element(row.begin(), row.end()) - row.begin() == labels[i];
  }
  return labels.empty() ? 0 : static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace fovea::pipeline::slide
