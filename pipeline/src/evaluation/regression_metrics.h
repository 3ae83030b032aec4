// Figures of a regression.
#pragma once

#include <optional>
#include <span>

#include "evaluation/metrics.h"

namespace fovea::pipeline::evaluation {

struct RegressionFigures {
  double mae = 0, rmse = 0;
  std::optional<double> r2;        ///< 1 - residual / total sum of squares; nothing when the targets are all equal
  std::optional<double> spearman;  ///< correlation of average ranks; nothing when either side is constant
};
RegressionFigures regression_figures(std::span<const double> value, std::span<const double> target,
                                     Multiplicity multiplicity = {});

/// Spearman's rank correlation of two columns of equal length; nothing when either is constant.
std::optional<double> spearman(std::span<const double> a, std::span<const double> b);

}  // namespace fovea::pipeline::evaluation
