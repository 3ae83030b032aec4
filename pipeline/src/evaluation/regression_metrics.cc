#include "evaluation/regression_metrics.h"

#include <cmath>
#include <vector>

#include "evaluation/ranks.h"

namespace fovea::pipeline::evaluation {
namespace {

std::optional<double> correlation(std::span<const double> a, std::span<const double> b) {
  const auto count = static_cast<double>(a.size());
  double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) mean_a += a[i] / count, mean_b += b[i] / count;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean_a) * (a[i] - mean_a), bb += (b[i] - mean_b) * (b[i] - mean_b);
    ab += (a[i] - mean_a) * (b[i] - mean_b);
  }
  return aa > 0 && bb > 0 ? std::optional(ab / std::sqrt(aa * bb)) : std::nullopt;
}

/// The rows as often as they count.
std::vector<double> repeated(std::span<const double> values, Multiplicity multiplicity) {
  if (multiplicity.empty()) return {values.begin(), values.end()};
  std::vector<double> all;
  for (std::size_t i = 0; i < values.size(); ++i) all.insert(all.end(), multiplicity[i], values[i]);
  return all;
}

}  // namespace

std::optional<double> spearman(std::span<const double> a, std::span<const double> b) {
  return correlation(average_ranks(a), average_ranks(b));
}

RegressionFigures regression_figures(std::span<const double> value, std::span<const double> target,
                                     Multiplicity multiplicity) {
  const std::vector<double> values = repeated(value, multiplicity), targets = repeated(target, multiplicity);
  const auto count = static_cast<double>(values.size());
  double absolute = 0, squares = 0, mean = 0, total = 0;
  for (const double t : targets) mean += t / count;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double off = values[i] - targets[i];
    absolute += std::abs(off), squares += off * off, total += (targets[i] - mean) * (targets[i] - mean);
  }
  RegressionFigures figures;
  if (values.empty()) return figures;
  figures.mae = absolute / count, figures.rmse = std::sqrt(squares / count);
  if (total > 0) figures.r2 = 1 - squares / total;
  figures.spearman = spearman(values, targets);
  return figures;
}

}  // namespace fovea::pipeline::evaluation
