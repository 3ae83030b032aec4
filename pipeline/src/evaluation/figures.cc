#include "evaluation/figures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "evaluation/calibration.h"
#include "evaluation/ranked_scores.h"
#include "evaluation/regression_metrics.h"

namespace fovea::pipeline::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double value_or_nan(const std::optional<double>& value) {
  return value.value_or(kUndefined);
}

/// Mean of what is defined; `absent` stands in for what is not, or it is left out.
double mean_of_defined(const std::vector<std::optional<double>>& values, std::optional<double> absent = {}) {
  double sum = 0;
  int counted = 0;
  for (const auto& value : values)
    if (value || absent) sum += value ? *value : *absent, ++counted;
  return counted == 0 ? kUndefined : sum / counted;
}

std::vector<RankedScores> ranked_classes(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  std::vector<RankedScores> ranked;
  for (std::size_t c = 0; c < table.classes.size(); ++c)
    ranked.emplace_back(scores_of(table, rows, c), positives_of(table, rows, c));
  return ranked;
}

struct Areas {
  double roc = 0, precision_recall = 0;
};
Areas macro_areas(const std::vector<RankedScores>& ranked, Multiplicity multiplicity, bool torchmetrics) {
  std::vector<std::optional<double>> roc, precision;
  for (const RankedScores& one : ranked) {
    roc.push_back(one.auroc(multiplicity));
    precision.push_back(one.average_precision(multiplicity));
  }
  return {mean_of_defined(roc, torchmetrics ? std::optional(0.0) : std::nullopt), mean_of_defined(precision)};
}

FigureSet classification(const PredictionTable& table, const std::vector<std::size_t>& rows, bool torchmetrics) {
  struct Data {
    std::vector<float> probabilities;
    std::vector<std::int64_t> labels;
    std::vector<RankedScores> ranked;
    TopConfidence top;
    std::int64_t classes = 0;
  };
  auto data = std::make_shared<Data>();
  data->classes = static_cast<std::int64_t>(table.classes.size());
  data->probabilities = probabilities_of(table, rows), data->labels = labels_of(table, rows);
  data->ranked = ranked_classes(table, rows);
  data->top = top_confidence(data->probabilities, data->classes, data->labels);
  FigureSet set;
  set.names = {"auroc_macro",       "auprc_macro",     "f1_macro", "f1_micro", "accuracy",
               "balanced_accuracy", "kappa_quadratic", "brier",    "log_loss", "ece"};
  set.rows = rows.size();
  set.values = [data, torchmetrics](Multiplicity multiplicity) -> std::vector<double> {
    const Areas areas = macro_areas(data->ranked, multiplicity, torchmetrics);
    const Confusion confusion = confusion_of(data->probabilities, data->classes, data->labels, multiplicity);
    const double right = micro_f1(confusion);
    return {areas.roc,
            areas.precision_recall,
            macro_f1(confusion),
            right,
            right,
            balanced_accuracy(confusion),
            quadratic_kappa(confusion),
            brier_score(data->probabilities, data->classes, data->labels, multiplicity),
            log_loss(data->probabilities, data->classes, data->labels, multiplicity),
            calibration_error(reliability(data->top.confidence, data->top.right, multiplicity))};
  };
  return set;
}

/// Every class is a decision of its own at 0.5: one table of two classes for each.
struct LabelDecisions {
  std::vector<float> probabilities;  ///< [N, 2]: absent, present
  std::vector<std::int64_t> present;
  std::vector<float> scores;
  std::vector<bool> positive;
};

FigureSet multi_label(const PredictionTable& table, const std::vector<std::size_t>& rows, bool torchmetrics) {
  struct Data {
    std::vector<LabelDecisions> classes;
    std::vector<RankedScores> ranked;
    std::vector<bool> exact;
  };
  auto data = std::make_shared<Data>();
  data->ranked = ranked_classes(table, rows);
  data->exact.assign(rows.size(), true);
  for (std::size_t c = 0; c < table.classes.size(); ++c) {
    LabelDecisions& one = data->classes.emplace_back();
    one.scores = scores_of(table, rows, c), one.positive = positives_of(table, rows, c);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // At exactly 0.5 the first of the two, absent, wins, as it does among classes.
      one.probabilities.insert(one.probabilities.end(), {1 - one.scores[i], one.scores[i]});
      one.present.push_back(one.positive[i] ? 1 : 0);
      if ((one.scores[i] > 0.5F) != one.positive[i]) data->exact[i] = false;
    }
  }
  FigureSet set;
  set.names = {"auroc_macro", "auprc_macro", "f1_macro", "f1_micro", "accuracy",
               "exact_match", "brier",       "log_loss", "ece"};
  set.rows = rows.size();
  set.values = [data, torchmetrics](Multiplicity multiplicity) -> std::vector<double> {
    const Areas areas = macro_areas(data->ranked, multiplicity, torchmetrics);
    std::vector<std::optional<double>> f1;
    double right = 0, brier = 0, loss = 0, error = 0, hits = 0, found = 0, exact = 0, counted = 0;
    for (const LabelDecisions& one : data->classes) {
      const Confusion confusion = confusion_of(one.probabilities, 2, one.present, multiplicity);
      f1.push_back(class_figures(confusion, 1).f1);
      hits += 2 * static_cast<double>(confusion.at(1, 1));
      found += static_cast<double>(2 * confusion.at(1, 1) + confusion.at(0, 1) + confusion.at(1, 0));
      right += micro_f1(confusion), brier += brier_score(one.probabilities, 2, one.present, multiplicity);
      loss += log_loss(one.probabilities, 2, one.present, multiplicity);
      error += calibration_error(reliability(one.scores, one.positive, multiplicity));
    }
    for (std::size_t i = 0; i < data->exact.size(); ++i) {
      counted += times_counted(multiplicity, i);
      if (data->exact[i]) exact += times_counted(multiplicity, i);
    }
    const auto classes = static_cast<double>(data->classes.size());
    return {areas.roc,           areas.precision_recall,
            mean_of_defined(f1), found > 0 ? hits / found : kUndefined,
            right / classes,     counted > 0 ? exact / counted : kUndefined,
            brier / classes,     loss / classes,
            error / classes};
  };
  return set;
}

/// Times below which a quarter, half and three quarters of the events lie.
std::vector<double> event_quartiles(const SurvivalColumns& columns) {
  std::vector<double> events;
  for (std::size_t i = 0; i < columns.time.size(); ++i)
    if (columns.event[i]) events.push_back(columns.time[i]);
  std::sort(events.begin(), events.end());
  std::vector<double> quartiles;
  for (const double share : {0.25, 0.5, 0.75})
    quartiles.push_back(
        events.empty() ? kUndefined : events[static_cast<std::size_t>(share * static_cast<double>(events.size() - 1))]);
  return quartiles;
}

/// Trapezoids over the times of the curves that lie within the follow-up, divided by their span.
double integrated_brier(const SurvivalRows& rows, const std::vector<std::vector<float>>& curves,
                        const std::vector<double>& times, Multiplicity multiplicity) {
  double sum = 0, span = 0, before = kUndefined, before_time = 0;
  const auto last = std::max_element(rows.time.begin(), rows.time.end());
  for (std::size_t t = 0; t < times.size() && last != rows.time.end(); ++t) {
    if (times[t] >= *last) break;
    const double score = value_or_nan(brier_at(rows, curves[t], times[t], multiplicity));
    if (t > 0) sum += (times[t] - before_time) * (score + before) / 2, span += times[t] - before_time;
    before = score, before_time = times[t];
  }
  return span > 0 ? sum / span : kUndefined;
}

FigureSet survival(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  struct Data {
    SurvivalColumns columns;
    std::vector<double> quartiles, times;
    std::vector<std::vector<float>> curves;
  };
  auto data = std::make_shared<Data>();
  data->columns = survival_of(table, rows);
  data->quartiles = event_quartiles(data->columns), data->times = table.times;
  for (std::size_t t = 0; t < table.times.size(); ++t) data->curves.push_back(scores_of(table, rows, t));
  FigureSet set;
  set.names = {"c_index", "auroc_t25", "auroc_t50", "auroc_t75", "integrated_brier"};
  set.rows = rows.size();
  set.values = [data](Multiplicity multiplicity) {
    const SurvivalRows view = data->columns.view();
    std::vector<double> values{value_or_nan(concordance_index(view, multiplicity))};
    for (const double time : data->quartiles)
      values.push_back(value_or_nan(cumulative_auroc(view, time, multiplicity)));
    values.push_back(integrated_brier(view, data->curves, data->times, multiplicity));
    return values;
  };
  return set;
}

FigureSet regression(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  auto value = std::make_shared<std::vector<double>>(), target = std::make_shared<std::vector<double>>();
  for (const std::size_t row : rows) value->push_back(table.rows[row].value), target->push_back(table.rows[row].target);
  FigureSet set;
  set.names = {"mae", "rmse", "r2", "spearman"};
  set.rows = rows.size();
  set.values = [value, target](Multiplicity multiplicity) -> std::vector<double> {
    const RegressionFigures figures = regression_figures(*value, *target, multiplicity);
    return {figures.mae, figures.rmse, value_or_nan(figures.r2), value_or_nan(figures.spearman)};
  };
  return set;
}

}  // namespace

FigureSet figure_set(const PredictionTable& table, const std::vector<std::size_t>& rows, bool torchmetrics) {
  switch (table.task) {
    case Task::kClassification: return classification(table, rows, torchmetrics);
    case Task::kMultiLabel: return multi_label(table, rows, torchmetrics);
    case Task::kSurvival: return survival(table, rows);
    case Task::kRegression: return regression(table, rows);
  }
  return {};
}

FigureSet mean_of(std::vector<FigureSet> groups) {
  if (groups.size() == 1) return std::move(groups.front());
  FigureSet set;
  set.names = groups.at(0).names;
  for (const FigureSet& group : groups) set.rows += group.rows;
  set.values = [groups = std::move(groups)](Multiplicity multiplicity) {
    std::vector<double> sums;
    std::size_t first = 0;
    for (const FigureSet& group : groups) {
      const std::vector<double> values =
          group.values(multiplicity.empty() ? multiplicity : multiplicity.subspan(first, group.rows));
      first += group.rows;
      sums.resize(values.size(), 0.0);
      for (std::size_t f = 0; f < values.size(); ++f) sums[f] += values[f] / static_cast<double>(groups.size());
    }
    return sums;
  };
  return set;
}

bool smaller_is_better(const std::string& figure) {
  static const std::vector<std::string> kCosts{"brier", "log_loss", "ece", "mae", "rmse", "integrated_brier"};
  return std::find(kCosts.begin(), kCosts.end(), figure) != kCosts.end();
}

std::string figure_words(const std::string& figure) {
  static const std::map<std::string, std::string> kWords{{"auroc_macro", "AUROC, macro"},
                                                         {"auprc_macro", "average precision, macro"},
                                                         {"f1_macro", "F1, macro"},
                                                         {"f1_micro", "F1, micro"},
                                                         {"balanced_accuracy", "balanced accuracy"},
                                                         {"kappa_quadratic", "kappa, quadratic"},
                                                         {"exact_match", "exact match"},
                                                         {"brier", "Brier score"},
                                                         {"log_loss", "log loss"},
                                                         {"ece", "calibration error"},
                                                         {"c_index", "concordance index"},
                                                         {"auroc_t25", "AUROC, early"},
                                                         {"auroc_t50", "AUROC, median time"},
                                                         {"auroc_t75", "AUROC, late"},
                                                         {"integrated_brier", "Brier score, integrated"},
                                                         {"mae", "mean absolute error"},
                                                         {"rmse", "root mean square error"},
                                                         {"r2", "R²"},
                                                         {"spearman", "Spearman"},
                                                         {"auroc", "AUROC"},
                                                         {"auprc", "average precision"},
                                                         {"f1", "F1"}};
  const auto found = kWords.find(figure);
  return found == kWords.end() ? figure : found->second;
}

bool can_be_resampled(const std::string& figure) {
  return figure != "ece";
}

std::vector<float> probabilities_of(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  std::vector<float> all;
  for (const std::size_t row : rows)
    all.insert(all.end(), table.rows[row].probabilities.begin(), table.rows[row].probabilities.end());
  return all;
}

std::vector<std::int64_t> labels_of(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  std::vector<std::int64_t> labels;
  for (const std::size_t row : rows) labels.push_back(label_index(table, table.rows[row]).value());
  return labels;
}

std::vector<float> scores_of(const PredictionTable& table, const std::vector<std::size_t>& rows, std::size_t index) {
  std::vector<float> scores;
  for (const std::size_t row : rows) scores.push_back(table.rows[row].probabilities[index]);
  return scores;
}

std::vector<bool> positives_of(const PredictionTable& table, const std::vector<std::size_t>& rows, std::size_t index) {
  std::vector<bool> positive;
  for (const std::size_t row : rows)
    positive.push_back(table.task == Task::kMultiLabel
                           ? label_flags(table, table.rows[row])[index]
                           : label_index(table, table.rows[row]) == static_cast<std::int64_t>(index));
  return positive;
}

SurvivalColumns survival_of(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  SurvivalColumns columns;
  for (const std::size_t row : rows) {
    columns.risk.push_back(table.rows[row].risk), columns.time.push_back(table.rows[row].time);
    columns.event.push_back(table.rows[row].event.value_or(false));
  }
  return columns;
}

}  // namespace fovea::pipeline::evaluation
