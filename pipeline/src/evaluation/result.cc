#include "evaluation/result.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include <fovea/base/error.h>

#include "evaluation/ranked_scores.h"

namespace fovea::pipeline::evaluation {
namespace {

using Groups = std::map<std::int64_t, std::vector<std::size_t>>;

const std::vector<std::string>& class_figure_names() {
  static const std::vector<std::string> kNames{"auroc", "auprc", "precision", "recall", "specificity", "f1"};
  return kNames;
}

bool has_classes(Task task) {
  return task == Task::kClassification || task == Task::kMultiLabel;
}

/// The decision of a row on one class: its largest probability, or for independent classes one half.
std::vector<std::int64_t> decisions_on(const PredictionTable& table, const std::vector<std::size_t>& rows,
                                       std::size_t index) {
  std::vector<std::int64_t> decided;
  for (const std::size_t row : rows) {
    const std::vector<float>& p = table.rows[row].probabilities;
    const bool taken = table.task == Task::kMultiLabel
                           ? p[index] > 0.5F
                           : static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin()) == index;
    decided.push_back(taken ? 1 : 0);
  }
  return decided;
}

/// The figures of every class, one class after the other.
FigureSet class_figure_set(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  struct One {
    RankedScores ranked;
    std::vector<bool> positive;
    std::vector<std::int64_t> decided;
  };
  auto classes = std::make_shared<std::vector<One>>();
  FigureSet set;
  for (std::size_t c = 0; c < table.classes.size(); ++c) {
    std::vector<bool> positive = positives_of(table, rows, c);
    classes->push_back({RankedScores(scores_of(table, rows, c), positive), positive, decisions_on(table, rows, c)});
    set.names.insert(set.names.end(), class_figure_names().begin(), class_figure_names().end());
  }
  set.rows = rows.size();
  set.values = [classes](Multiplicity multiplicity) {
    std::vector<double> values;
    const auto add = [&](const std::optional<double>& value) {
      values.push_back(value.value_or(std::numeric_limits<double>::quiet_NaN()));
    };
    for (const One& one : *classes) {
      Confusion confusion{2, {0, 0, 0, 0}};
      for (std::size_t i = 0; i < one.decided.size(); ++i)
        confusion.counts[static_cast<std::size_t>((one.positive[i] ? 2 : 0) + one.decided[i])] +=
            static_cast<std::int64_t>(times_counted(multiplicity, i));
      const ClassFigures figures = class_figures(confusion, 1);
      add(one.ranked.auroc(multiplicity)), add(one.ranked.average_precision(multiplicity));
      add(figures.precision), add(figures.recall), add(figures.specificity), add(figures.f1);
    }
    return values;
  };
  return set;
}

/// The figures of both sets, so that one bootstrap serves both.
FigureSet side_by_side(FigureSet a, FigureSet b) {
  FigureSet set;
  set.rows = a.rows;
  set.names = a.names;
  set.names.insert(set.names.end(), b.names.begin(), b.names.end());
  set.values = [a = std::move(a), b = std::move(b)](Multiplicity multiplicity) {
    std::vector<double> values = a.values(multiplicity);
    const std::vector<double> more = b.values(multiplicity);
    values.insert(values.end(), more.begin(), more.end());
    return values;
  };
  return set;
}

class Evaluator {
 public:
  Evaluator(PredictionTable table, const EvaluationOptions& options, const std::string& subject) : options_(options) {
    result_.table = std::move(table);
    choose_rows(subject);
  }

  EvaluationResult run() {
    evaluate_folds();
    evaluate_pooled();
    summarise_folds();
    if (has_classes(result_.table.task)) describe_classes();
    return std::move(result_);
  }

 private:
  void choose_rows(const std::string& subject) {
    const PredictionTable& table = result_.table;
    const std::vector<std::size_t> labelled = labelled_rows(table, options_.part);
    const auto of_part = static_cast<std::size_t>(std::count_if(
        table.rows.begin(), table.rows.end(), [&](const PredictionRow& row) { return row.part == options_.part; }));
    if (labelled.empty())
      throw Error(ErrorCode::kUsage, subject,
                  of_part == 0 ? "the table has no row of part '" + options_.part + "'"
                               : "no row of part '" + options_.part + "' says what is true of its slide",
                  of_part == 0 ? "Choose another with --part." : "Give labels that are among the classes.");
    if (labelled.size() < of_part)
      result_.notices.push_back(std::to_string(of_part - labelled.size()) +
                                " rows have no label, or one that is not among the classes, and were left out");
    for (const std::size_t row : labelled) by_seed_[table.rows[row].seed].push_back(row);
    std::set<std::string> cases, slides;
    for (const auto& [seed, rows] : by_seed_) {
      result_.seeds.push_back(seed);
      result_.rows.insert(result_.rows.end(), rows.begin(), rows.end());
    }
    for (const std::size_t row : result_.rows)
      cases.insert(table.rows[row].case_id), slides.insert(table.rows[row].slide_id);
    result_.cases = cases.size(), result_.slides = slides.size();
  }

  void evaluate_folds() {
    for (const auto& [seed, rows] : by_seed_) {
      Groups folds;
      for (const std::size_t row : rows) folds[result_.table.rows[row].fold].push_back(row);
      for (const auto& [fold, members] : folds) {
        const FigureSet set = figure_set(result_.table, members, options_.torchmetrics);
        result_.folds.push_back({seed, fold, members.size(), set.values({})});
      }
    }
  }

  void evaluate_pooled() {
    const bool classes = has_classes(result_.table.task);
    std::vector<FigureSet> seeds;
    for (const auto& [seed, rows] : by_seed_) {
      FigureSet set = figure_set(result_.table, rows, options_.torchmetrics);
      main_figures_ = set.names.size();
      seeds.push_back(classes ? side_by_side(std::move(set), class_figure_set(result_.table, rows)) : std::move(set));
    }
    const FigureSet figures = mean_of(std::move(seeds));
    const std::vector<double> values = figures.values({});
    const auto intervals = bootstrap_intervals(figures, clusters_of(result_.table, result_.rows), options_.replicates,
                                               options_.seed, options_.confidence, options_.progress);
    for (std::size_t f = 0; f < values.size(); ++f) {
      FigureResult figure{figures.names[f], values[f], intervals[f], {}, {}};
      if (!can_be_resampled(figure.name)) figure.interval.reset();
      if (f < main_figures_) {
        result_.figures.push_back(figure);
      } else {
        if ((f - main_figures_) % class_figure_names().size() == 0) result_.classes.emplace_back();
        result_.classes.back().figures.push_back(figure);
      }
    }
  }

  void summarise_folds() {
    for (std::size_t f = 0; f < result_.figures.size(); ++f) {
      std::vector<double> all;
      std::map<std::int64_t, std::vector<double>> of_seed;
      for (const FoldResult& fold : result_.folds)
        all.push_back(fold.values[f]), of_seed[fold.seed].push_back(fold.values[f]);
      std::vector<double> means;
      for (const auto& [seed, values] : of_seed) means.push_back(spread_of(values).mean);
      result_.figures[f].over_folds = spread_of(all), result_.figures[f].over_seeds = spread_of(means);
    }
  }

  void describe_classes() {
    const PredictionTable& table = result_.table;
    const bool independent_rows = result_.cases == result_.rows.size();
    for (std::size_t c = 0; c < table.classes.size(); ++c) {
      ClassResult& one = result_.classes[c];
      one.name = table.classes[c];
      const std::vector<bool> positive = positives_of(table, result_.rows, c);
      one.support = static_cast<std::size_t>(std::count(positive.begin(), positive.end(), true));
      if (one.support == 0 || one.support == positive.size())
        result_.notices.push_back("class '" + one.name + "' has " + (one.support == 0 ? "no" : "all") +
                                  " rows: its AUROC is undefined" +
                                  (options_.torchmetrics ? " and counts 0 (torchmetrics)" : " and left out of means"));
      if (!independent_rows) continue;
      if (const auto placed = delong(scores_of(table, result_.rows, c), positive))
        one.delong = delong_interval(*placed, options_.confidence);
    }
    if (table.task == Task::kClassification) {
      const std::vector<float> probabilities = probabilities_of(table, result_.rows);
      const std::vector<std::int64_t> labels = labels_of(table, result_.rows);
      const auto classes = static_cast<std::int64_t>(table.classes.size());
      result_.confusion = confusion_of(probabilities, classes, labels);
      const TopConfidence top = top_confidence(probabilities, classes, labels);
      result_.reliability = reliability(top.confidence, top.right);
      return;
    }
    std::vector<float> scores;
    std::vector<bool> positive;
    for (std::size_t c = 0; c < table.classes.size(); ++c) {
      const std::vector<float> of_class = scores_of(table, result_.rows, c);
      const std::vector<bool> truth = positives_of(table, result_.rows, c);
      scores.insert(scores.end(), of_class.begin(), of_class.end());
      positive.insert(positive.end(), truth.begin(), truth.end());
    }
    result_.reliability = reliability(scores, positive);
  }

  const EvaluationOptions& options_;
  EvaluationResult result_;
  Groups by_seed_;
  std::size_t main_figures_ = 0;
};

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  for (const double value : values)
    if (!std::isnan(value)) spread.mean += value, ++spread.count;
  if (spread.count == 0) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN(), 0};
  spread.mean /= static_cast<double>(spread.count);
  for (const double value : values)
    if (!std::isnan(value)) spread.deviation += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(spread.deviation / static_cast<double>(spread.count));
  return spread;
}

EvaluationResult evaluate_table(PredictionTable table, const EvaluationOptions& options, const std::string& subject) {
  return Evaluator(std::move(table), options, subject).run();
}

}  // namespace fovea::pipeline::evaluation
