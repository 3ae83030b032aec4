// Several models on the same slides: is one better, or was it chance?
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/evaluation.h"
#include "evaluation/statistics.h"

namespace fovea::pipeline::evaluation {

/// One row a slide of the part: means over the seeds and folds that predicted it.
PredictionTable per_slide(const PredictionTable& table, const std::string& part);

struct Difference {
  std::string figure;
  double value = 0;                  ///< model minus reference
  std::optional<Interval> interval;  ///< paired bootstrap, cases resampled; or DeLong's
  double p = 1, p_holm = 1;          ///< two-sided; corrected over the models for the same figure
};

struct ComparedModel {
  std::string name;
  PredictionTable table;                ///< the common slides in one order
  std::vector<double> values;           ///< in the order of figures
  std::vector<Difference> differences;  ///< bootstrap; empty for the reference
  std::vector<Difference> delong;       ///< AUROC of each class; "auroc <class>"
};

struct Comparison {
  std::vector<std::string> figures;
  std::vector<ComparedModel> models;  ///< the first is the reference
  std::size_t slides = 0, cases = 0;
  bool several_slides_a_case = false;  ///< DeLong takes rows for independent
  std::vector<std::string> notices;
};

/// `names[i]` is what model i is called. Error(kUsage) when fewer than two are given, they share no labelled slide, or
/// differ in task, classes or in what is true of a slide.
Comparison compare(const std::vector<PredictionTable>& tables, const std::vector<std::string>& names,
                   const EvaluationOptions& options);

/// Run folders or predictions.csv. Writes comparison.json, comparison.csv and comparison.html.
EvaluationSummary compare_files(const std::vector<std::filesystem::path>& inputs, const EvaluationOptions& options);

}  // namespace fovea::pipeline::evaluation
