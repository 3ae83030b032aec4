// The evaluation of a run or of prediction files: figures with intervals, tables and the report, from files alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fovea::pipeline::evaluation {

struct EvaluationOptions {
  std::filesystem::path out;             ///< empty: the run folder itself
  std::string part = "test";             ///< rows of predictions.csv that count
  std::int64_t replicates = 1000;        ///< of the bootstrap; 0: no intervals
  double confidence = 0.95;              ///< of every interval
  std::uint64_t seed = 0;                ///< of the bootstrap
  bool torchmetrics = false;             ///< a class without rows has an AUROC of 0, as torchmetrics counts it
  std::function<void(double)> progress;  ///< 0..1; may throw Error(kCancelled)
};

struct EvaluationSummary {
  std::vector<std::filesystem::path> outputs;
  std::vector<std::string> notices;
  std::string text;  ///< a table for the terminal
  std::string json;  ///< metrics.json (docs/evaluation.md)
};

/// Reads predictions.csv and, where present, history.csv, recipe.json and concentration.csv of `run_folder`. Writes
/// metrics.json, per_class.csv, per_fold.csv and report.html, all or nothing. Error(kNotFound | kCorrupt) names the
/// table; Error(kUsage) when no row of the part has a label.
EvaluationSummary write_evaluation(const std::filesystem::path& run_folder, const EvaluationOptions& options = {});

/// The same from tables anywhere, taken together; their classes must agree. options.out is required.
EvaluationSummary evaluate_files(const std::vector<std::filesystem::path>& predictions,
                                 const EvaluationOptions& options);

}  // namespace fovea::pipeline::evaluation
