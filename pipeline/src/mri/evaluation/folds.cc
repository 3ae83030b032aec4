// Patient-wise figures and means over folds, as raidionicsval's compute_fold_average.
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "mri/evaluation/cohort.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kTiny = 1e-6;
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

struct Column {
  const char* name;
  double (*value)(const CaseMetrics&);
};
const Column kColumns[] = {
    {"dice", [](const CaseMetrics& m) { return m.voxel.dice; }},
    {"recall", [](const CaseMetrics& m) { return m.voxel.recall; }},
    {"precision", [](const CaseMetrics& m) { return m.voxel.precision; }},
    {"f1", [](const CaseMetrics& m) { return m.voxel.f1; }},
    {"object_recall", [](const CaseMetrics& m) { return m.object.recall; }},
    {"object_precision", [](const CaseMetrics& m) { return m.object.precision; }},
    {"object_f1", [](const CaseMetrics& m) { return m.object.f1; }},
    {"object_dice", [](const CaseMetrics& m) { return m.object.dice.mean; }},
    {"hd95_mm", [](const CaseMetrics& m) { return m.surface ? m.surface->hd95_mm : kUndefined; }},
    {"assd_mm", [](const CaseMetrics& m) { return m.surface ? m.surface->assd_mm : kUndefined; }},
};

struct PatientColumn {
  const char* name;
  double PatientMetrics::*value;
};
constexpr PatientColumn kPatientColumns[] = {{"patient_recall", &PatientMetrics::recall},
                                             {"patient_precision", &PatientMetrics::precision},
                                             {"patient_specificity", &PatientMetrics::specificity},
                                             {"patient_f1", &PatientMetrics::f1},
                                             {"patient_accuracy", &PatientMetrics::accuracy},
                                             {"patient_balanced_accuracy", &PatientMetrics::balanced_accuracy}};

bool counts(const CaseResult& one, Condition condition, const CohortSettings& settings) {
  if (condition == Condition::kAll) return true;
  if (one.metrics.reference_ml <= settings.cutoff_ml) return false;
  return condition == Condition::kPositive || one.metrics.voxel.dice > settings.overlap;
}

/// The variance of all cases from means and population deviations of the folds.
void pool(FoldFigure& figure, const std::vector<std::size_t>& cases, bool within_folds) {
  double total = 0, sum = 0, squares = 0;
  for (std::size_t f = 0; f < cases.size(); ++f) {
    const evaluation::Spread& fold = figure.folds[f];
    if (std::isnan(fold.mean)) continue;
    const auto n = static_cast<double>(cases[f]);
    total += n, sum += n * fold.mean;
    squares += (n - 1) * fold.deviation * fold.deviation + n * fold.mean * fold.mean;
  }
  std::vector<double> means;
  for (const evaluation::Spread& fold : figure.folds) means.push_back(fold.mean);
  figure.over_folds = evaluation::spread_of(means);
  figure.pooled_mean = total > 0 ? sum / total : kUndefined;
  figure.pooled_deviation = figure.over_folds.deviation;
  if (within_folds)
    figure.pooled_deviation =
        total > 1 ? std::sqrt(std::max(0.0, squares - total * figure.pooled_mean * figure.pooled_mean) / (total - 1))
                  : kUndefined;
}

/// What is defined; a mean of nothing is undefined.
evaluation::Spread spread_or_undefined(const std::vector<double>& values) {
  evaluation::Spread spread = evaluation::spread_of(values);
  if (spread.count == 0) spread.mean = spread.deviation = kUndefined;
  return spread;
}

}  // namespace

std::string condition_name(Condition condition) {
  switch (condition) {
    case Condition::kAll: return "all";
    case Condition::kPositive: return "positive";
    case Condition::kTruePositive: return "true_positive";
  }
  return {};
}

PatientMetrics patient_metrics(const std::vector<const CaseResult*>& cases, evaluation::Multiplicity multiplicity,
                               Condition condition, const CohortSettings& settings) {
  const double cutoff = condition == Condition::kAll ? 0 : settings.cutoff_ml;
  double found = 0, missed = 0, invented = 0, clear = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const CaseMetrics& m = cases[i]->metrics;
    const double times = evaluation::times_counted(multiplicity, i);
    const bool predicted = m.prediction_ml > cutoff;
    if (m.reference_ml > cutoff) {
      const bool hit = condition == Condition::kTruePositive ? m.voxel.dice > settings.overlap : predicted;
      (hit ? found : missed) += times;
    } else {
      (predicted ? invented : clear) += times;
    }
  }
  PatientMetrics metrics;
  metrics.recall = found / (found + missed + kTiny), metrics.precision = found / (found + invented + kTiny);
  metrics.specificity = clear + invented == 0 ? 1 : clear / (clear + invented + kTiny);
  metrics.f1 = 2 * found / (2 * found + invented + missed + kTiny);
  metrics.accuracy = (found + clear) / (found + clear + invented + missed);
  metrics.balanced_accuracy = (metrics.recall + metrics.specificity) / 2;
  return metrics;
}

FoldTable fold_table(const std::vector<CaseResult>& cases, Condition condition, const CohortSettings& settings) {
  std::map<std::string, std::vector<const CaseResult*>> of_fold;
  for (const CaseResult& one : cases)
    if (one.usable()) of_fold[one.files.fold].push_back(&one);
  FoldTable table;
  table.condition = condition;
  for (const auto& [fold, members] : of_fold) table.folds.push_back(fold), table.cases.push_back(members.size());
  for (const PatientColumn& column : kPatientColumns) {
    FoldFigure figure{column.name, {}, {}, 0, 0};
    for (const auto& [fold, members] : of_fold)
      figure.folds.push_back({patient_metrics(members, {}, condition, settings).*column.value, 0, members.size()});
    pool(figure, table.cases, false);
    table.figures.push_back(std::move(figure));
  }
  for (const Column& column : kColumns) {
    FoldFigure figure{column.name, {}, {}, 0, 0};
    for (const auto& [fold, members] : of_fold) {
      std::vector<double> values;
      for (const CaseResult* one : members)
        if (counts(*one, condition, settings)) values.push_back(column.value(one->metrics));
      figure.folds.push_back(spread_or_undefined(values));
    }
    pool(figure, table.cases, true);
    table.figures.push_back(std::move(figure));
  }
  return table;
}

}  // namespace fovea::pipeline::mri
