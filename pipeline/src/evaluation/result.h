// What an evaluation found, before it is written: figures with intervals, per class, per fold, and what pictures need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/calibration.h"
#include "evaluation/evaluation.h"
#include "evaluation/figures.h"
#include "evaluation/statistics.h"

namespace fovea::pipeline::evaluation {

/// Mean and population standard deviation of repetitions.
struct Spread {
  double mean = 0, deviation = 0;
  std::size_t count = 0;
};

struct FigureResult {
  std::string name;
  double value = 0;  ///< of the pooled rows of a seed, averaged over seeds; NaN: undefined
  std::optional<Interval> interval;
  Spread over_folds;  ///< every fold of every seed
  Spread over_seeds;  ///< the mean over folds, from seed to seed
};

struct ClassResult {
  std::string name;
  std::size_t support = 0;
  std::vector<FigureResult> figures;  ///< auroc, auprc, precision, recall, specificity, f1
  std::optional<Interval> delong;     ///< of the AUROC; only when every case has one row
};

struct FoldResult {
  std::int64_t seed = 0, fold = 0;
  std::size_t rows = 0;
  std::vector<double> values;  ///< in the order of the figures
};

struct EvaluationResult {
  PredictionTable table;
  std::vector<std::size_t> rows;  ///< that were evaluated, seed by seed
  std::size_t cases = 0, slides = 0;
  std::vector<std::int64_t> seeds;
  std::vector<FigureResult> figures;
  std::vector<ClassResult> classes;
  std::vector<FoldResult> folds;
  Confusion confusion;                      ///< classification; rows of all seeds together
  std::vector<ReliabilityBin> reliability;  ///< classification and multi-label
  std::vector<std::string> notices;
};

/// Error(kUsage) when no row of the part is labelled.
EvaluationResult evaluate_table(PredictionTable table, const EvaluationOptions& options, const std::string& subject);

Spread spread_of(const std::vector<double>& values);  ///< of those that are defined

}  // namespace fovea::pipeline::evaluation
