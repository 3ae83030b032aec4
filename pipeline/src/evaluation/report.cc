#include "evaluation/report.h"

#include <algorithm>
#include <cmath>

#include <fovea/pipeline/job.h>

#include "evaluation/page.h"
#include "evaluation/report_figures.h"
#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

using slide::fixed_text;

constexpr std::size_t kWorstErrors = 20, kFoldRows = 100;

std::string spread_cell(const Spread& spread) {
  return spread.count > 1 ? figure_cell(spread.mean) + " ± " + figure_cell(spread.deviation) : "–";
}

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void add_summary(Page& page, const EvaluationResult& result, const EvaluationOptions& options) {
  page.notice("For research only. Not a medical device; not for clinical decisions.");
  page.paragraph("Part '" + options.part + "': " + counted(result.slides, "slide", "slides") + " of " +
                 counted(result.cases, "case", "cases") + ", " + counted(result.seeds.size(), "seed", "seeds") + ", " +
                 counted(result.folds.size(), "fold", "folds") + " in all. Task: " + task_name(result.table.task) +
                 ".");
  for (const std::string& text : result.notices) page.notice(text);
  std::vector<std::vector<std::string>> rows;
  for (const FigureResult& figure : result.figures)
    rows.push_back({figure_words(figure.name), figure_cell(figure.value), interval_cell(figure.interval),
                    spread_cell(figure.over_folds), spread_cell(figure.over_seeds)});
  const std::string percent = fixed_text(100 * options.confidence, 0) + " % interval";
  page.section("Figures");
  page.table({"figure", "value", percent, "folds: mean ± sd", "seeds: mean ± sd"}, rows);
  page.paragraph(
      "Value: the folds of a seed pooled, then the mean over seeds. Interval: " + std::to_string(options.replicates) +
      " bootstrap replicates, whole cases resampled within their class. Standard deviations are those of the "
      "population (ddof 0)." +
      (options.torchmetrics ? " A class without rows counts 0 in the macro AUROC, as torchmetrics does." : ""));
}

void add_class_table(Page& page, const EvaluationResult& result) {
  if (result.classes.empty()) return;
  page.section("Classes");
  std::vector<std::string> header{"class", "rows"};
  for (const FigureResult& figure : result.classes.front().figures) header.push_back(figure_words(figure.name));
  header.insert(header.begin() + 3, "interval");
  const bool delong = std::any_of(result.classes.begin(), result.classes.end(), [](const auto& c) { return c.delong; });
  if (delong) header.insert(header.begin() + 4, "DeLong");
  std::vector<std::vector<std::string>> rows;
  for (const ClassResult& one : result.classes) {
    std::vector<std::string> row{one.name, std::to_string(one.support)};
    for (const FigureResult& figure : one.figures) row.push_back(figure_cell(figure.value));
    row.insert(row.begin() + 3, interval_cell(one.figures.front().interval));
    if (delong) row.insert(row.begin() + 4, interval_cell(one.delong));
    rows.push_back(std::move(row));
  }
  page.table(header, rows);
}

void add_fold_table(Page& page, const EvaluationResult& result) {
  if (result.folds.size() < 2) return;
  page.section("Folds");
  std::vector<std::string> header{"seed", "fold", "rows"};
  for (const FigureResult& figure : result.figures) header.push_back(figure_words(figure.name));
  std::vector<std::vector<std::string>> rows;
  for (const FoldResult& fold : result.folds) {
    if (rows.size() == kFoldRows) break;
    std::vector<std::string> row{std::to_string(fold.seed), std::to_string(fold.fold), std::to_string(fold.rows)};
    for (const double value : fold.values) row.push_back(figure_cell(value));
    rows.push_back(std::move(row));
  }
  page.table(header, rows);
  if (result.folds.size() > kFoldRows)
    page.paragraph("The first " + std::to_string(kFoldRows) + " of " + std::to_string(result.folds.size()) +
                   "; per_fold.csv holds all.");
}

/// How wrong a row is: the larger the worse. Negative: it is right.
double wrongness(const PredictionTable& table, const PredictionRow& row) {
  switch (table.task) {
    case Task::kClassification: {
      const auto truth = static_cast<std::size_t>(label_index(table, row).value());
      const auto best = std::max_element(row.probabilities.begin(), row.probabilities.end());
      return static_cast<std::size_t>(best - row.probabilities.begin()) == truth
                 ? -1
                 : 1 - static_cast<double>(row.probabilities[truth]);
    }
    case Task::kMultiLabel: {
      double worst = -1;
      const std::vector<bool> truth = label_flags(table, row);
      for (std::size_t c = 0; c < truth.size(); ++c)
        if ((row.probabilities[c] > 0.5F) != truth[c])
          worst = std::max(worst, std::abs(static_cast<double>(row.probabilities[c]) - (truth[c] ? 1 : 0)));
      return worst;
    }
    case Task::kRegression: return std::abs(row.value - row.target);
    case Task::kSurvival: return -1;
  }
  return -1;
}

void add_worst(Page& page, const EvaluationResult& result) {
  std::vector<std::pair<double, std::size_t>> wrong;
  for (const std::size_t row : result.rows)
    if (const double by = wrongness(result.table, result.table.rows[row]); by > 0) wrong.emplace_back(by, row);
  if (wrong.empty()) return;
  std::stable_sort(wrong.begin(), wrong.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  page.section("Worst errors");
  const bool regression = result.table.task == Task::kRegression;
  if (!regression)
    page.paragraph(counted(wrong.size(), "row is", "rows are") + " wrong; those furthest from the truth come first.");
  if (wrong.size() > kWorstErrors) wrong.resize(kWorstErrors);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [by, index] : wrong) {
    const PredictionRow& row = result.table.rows[index];
    rows.push_back({row.slide_id, std::to_string(row.seed), std::to_string(row.fold),
                    regression ? figure_cell(row.target) : row.label,
                    regression ? figure_cell(row.value) : row.predicted, figure_cell(by),
                    std::to_string(row.instances)});
  }
  page.table({"slide", "seed", "fold", "truth", "predicted", "off by", "instances"}, rows);
}

}  // namespace

std::string report_html(const EvaluationResult& result, const EvaluationOptions& options, const RunContext& context) {
  Page page("Evaluation of a slide model");
  add_summary(page, result, options);
  page.section("Curves");
  if (result.table.task == Task::kSurvival)
    add_survival_figures(page, result);
  else if (result.table.task == Task::kRegression)
    add_regression_figures(page, result);
  else
    add_class_figures(page, result, options);
  add_class_table(page, result);
  add_fold_table(page, result);
  page.section("Attention");
  add_attention_figures(page, result, context);
  page.paragraph(
      "Attention shows which instances the pooling weighted. It explains part of the decision, not all of it, "
      "and does not show where disease is.");
  if (!context.history.empty()) {
    page.section("Training");
    add_training_figures(page, context);
  }
  add_worst(page, result);
  page.section("Limits");
  page.paragraph(
      "These figures hold for slides like the evaluated ones: their scanners, stains, laboratories and patients. "
      "Intervals "
      "cover chance in the choice of patients, not a shift to another hospital, and they are narrow only where cases "
      "are "
      "many. Models and thresholds that were chosen by looking at this part make its figures too good.");
  page.section("Provenance");
  std::vector<std::vector<std::string>> rows{{"Fovea", version()}, {"bootstrap seed", std::to_string(options.seed)}};
  for (const auto& [name, value] : context.provenance) rows.push_back({name, value});
  page.table({"what", "value"}, rows);
  return page.html();
}

}  // namespace fovea::pipeline::evaluation
