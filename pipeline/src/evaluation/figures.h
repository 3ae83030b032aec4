// The figures of a task by name, as a function of how often each row counts: what tables print and bootstraps resample.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "evaluation/metrics.h"
#include "evaluation/prediction_table.h"
#include "evaluation/survival_metrics.h"

namespace fovea::pipeline::evaluation {

/// `values` gives one value a name; NaN where a figure is undefined for these rows.
struct FigureSet {
  std::vector<std::string> names;
  std::size_t rows = 0;
  std::function<std::vector<double>(Multiplicity)> values;
};

/// Classification: auroc_macro, auprc_macro, f1_macro, f1_micro, accuracy, balanced_accuracy, kappa_quadratic, brier,
/// log_loss, ece. Multi-label: the first four, accuracy (of single decisions), exact_match, brier, log_loss, ece.
/// Survival: c_index, auroc_t25, auroc_t50, auroc_t75 (at quantiles of the event times), integrated_brier.
/// Regression: mae, rmse, r2, spearman. `rows`: labelled rows of the table.
FigureSet figure_set(const PredictionTable& table, const std::vector<std::size_t>& rows, bool torchmetrics = false);

/// The same figures of each group of rows, averaged over the groups: one group a seed. Rows of the result are those of
/// the groups one after the other.
FigureSet mean_of(std::vector<FigureSet> groups);

/// True when a smaller value of the figure is the better one.
bool smaller_is_better(const std::string& figure);

/// "AUROC, macro" for auroc_macro: what people read; other names as they are.
std::string figure_words(const std::string& figure);

/// Whether resampled rows say how sure the figure is. Not the calibration error: rows drawn twice make every bin look
/// less calibrated than it is.
bool can_be_resampled(const std::string& figure);

// The columns of chosen rows.
std::vector<float> probabilities_of(const PredictionTable& table, const std::vector<std::size_t>& rows);
std::vector<std::int64_t> labels_of(const PredictionTable& table, const std::vector<std::size_t>& rows);
/// One class against the rest, for one-label and multi-label tables alike.
std::vector<float> scores_of(const PredictionTable& table, const std::vector<std::size_t>& rows, std::size_t index);
std::vector<bool> positives_of(const PredictionTable& table, const std::vector<std::size_t>& rows, std::size_t index);

struct SurvivalColumns {
  std::vector<double> risk, time;
  std::vector<bool> event;
  SurvivalRows view() const { return {risk, time, event}; }
};
SurvivalColumns survival_of(const PredictionTable& table, const std::vector<std::size_t>& rows);

}  // namespace fovea::pipeline::evaluation
