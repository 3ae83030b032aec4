#include "evaluation/report_figures.h"

#include <algorithm>
#include <cmath>

#include "evaluation/curves.h"
#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

using slide::fixed_text;

constexpr std::int64_t kBandReplicates = 300;
constexpr std::size_t kDrawnPoints = 400;  // more are not seen and make the page heavy
constexpr std::size_t kDrawnClasses = 8;   // of the palette

Axis share_axis(std::string label) {
  return {std::move(label), 0, 1};
}

std::size_t drawn_classes(const EvaluationResult& result) {
  return std::min(kDrawnClasses, result.classes.size());
}

/// Two classes that exclude each other show the same curve twice: the second one stands for both.
std::size_t first_drawn(const EvaluationResult& result) {
  return result.table.task == Task::kClassification && result.classes.size() == 2 ? 1 : 0;
}

std::string roc_chart(const EvaluationResult& result, const EvaluationOptions& options) {
  Chart chart{"ROC", share_axis("false-positive rate"), share_axis("true-positive rate"), {}};
  chart.series.push_back({"", {{0, 0}, {1, 1}}, {}, {}, Series::Style::kLine, -1});
  const Clusters clusters = clusters_of(result.table, result.rows);
  for (std::size_t c = first_drawn(result); c < drawn_classes(result); ++c) {
    const RankedScores scores(scores_of(result.table, result.rows, c), positives_of(result.table, result.rows, c));
    Series series{result.classes[c].name, thinned(roc_curve(scores), kDrawnPoints)};
    if (series.points.empty()) continue;
    series.colour = static_cast<int>(c);
    if (options.replicates > 0) {
      Band band =
          roc_band(scores, clusters, std::min(options.replicates, kBandReplicates), options.seed, options.confidence);
      series.band_low = std::move(band.low), series.band_high = std::move(band.high);
    }
    if (!std::isnan(result.classes[c].figures[0].value))
      series.name += ", AUROC " + fixed_text(result.classes[c].figures[0].value, 3);
    chart.series.push_back(std::move(series));
  }
  return chart_svg(chart);
}

std::string precision_recall_chart(const EvaluationResult& result) {
  Chart chart{"Precision and recall", share_axis("recall"), share_axis("precision"), {}};
  for (std::size_t c = first_drawn(result); c < drawn_classes(result); ++c) {
    const RankedScores scores(scores_of(result.table, result.rows, c), positives_of(result.table, result.rows, c));
    Series series{result.classes[c].name, thinned(precision_recall_curve(scores), kDrawnPoints)};
    if (series.points.empty()) continue;
    series.colour = static_cast<int>(c);
    if (!std::isnan(result.classes[c].figures[1].value))
      series.name += ", area " + fixed_text(result.classes[c].figures[1].value, 3);
    const double share = static_cast<double>(result.classes[c].support) / static_cast<double>(result.rows.size());
    chart.series.push_back({"", {{0, share}, {1, share}}, {}, {}, Series::Style::kLine, -1});
    chart.series.push_back(std::move(series));
  }
  return chart_svg(chart);
}

std::string calibration_chart(const EvaluationResult& result) {
  Chart chart{"Calibration", share_axis("mean probability"), share_axis("share that was right"), {}};
  chart.series.push_back({"", {{0, 0}, {1, 1}}, {}, {}, Series::Style::kLine, -1});
  Series series{"bins with rows", {}, {}, {}, Series::Style::kLineAndDots};
  Series rows{"share of rows", {}, {}, {}, Series::Style::kLine, 1};
  for (const ReliabilityBin& bin : result.reliability) {
    double all = 0;
    for (const ReliabilityBin& other : result.reliability) all += other.rows;
    if (bin.rows > 0) series.points.push_back({bin.confidence, bin.share});
    rows.points.push_back({bin.low, bin.rows / all}), rows.points.push_back({bin.high, bin.rows / all});
  }
  chart.series.push_back(std::move(rows)), chart.series.push_back(std::move(series));
  return chart_svg(chart);
}

/// Every run thin, their mean bold.
void add_runs(Chart& chart, const std::vector<std::vector<Point>>& runs, const std::string& name, int colour) {
  std::vector<Point> mean;
  std::vector<int> counts;
  bool any = false;
  for (const auto& run : runs) {
    for (std::size_t i = 0; i < run.size(); ++i) {
      if (mean.size() <= i) mean.push_back({run[i].x, 0}), counts.push_back(0);
      if (std::isfinite(run[i].y)) mean[i].y += run[i].y, ++counts[i], any = true;
    }
  }
  if (!any) return;
  for (std::size_t i = 0; i < mean.size(); ++i) mean[i].y = counts[i] == 0 ? std::nan("") : mean[i].y / counts[i];
  if (runs.size() > 1)
    for (const auto& run : runs)
      chart.series.push_back({"", thinned(run, kDrawnPoints), {}, {}, Series::Style::kLine, colour, false, 0.3, 1});
  chart.series.push_back({name, thinned(mean, kDrawnPoints), {}, {}, Series::Style::kLine, colour, false, 1, 2.4});
}

struct HistoryChart {
  const char *title, *y;
  std::vector<std::pair<const char*, const char*>> columns;  ///< of history.csv, and their names
  bool share;
};

Series survival_series(const SurvivalColumns& columns, const std::vector<bool>& chosen, const std::string& name,
                       int colour) {
  std::vector<std::uint32_t> multiplicity;
  for (const bool in : chosen) multiplicity.push_back(in ? 1 : 0);
  Series series{name, {{0, 1}}};
  series.colour = colour;
  for (const SurvivalStep& step : kaplan_meier(columns.time, columns.event, multiplicity)) {
    series.points.push_back({step.time, series.points.back().y});
    series.points.push_back({step.time, step.survival});
  }
  double last = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    if (chosen[i]) last = std::max(last, columns.time[i]);
  series.points.push_back({last, series.points.back().y});
  return series;
}

}  // namespace

void add_class_figures(Page& page, const EvaluationResult& result, const EvaluationOptions& options) {
  const std::string pooled = result.seeds.size() > 1 ? " Rows of all seeds together." : "";
  page.figure(roc_chart(result, options), "Each class against the rest. Shaded: pointwise " +
                                              fixed_text(100 * options.confidence, 0) +
                                              " % interval, patients resampled. Broken line: chance." + pooled);
  page.figure(precision_recall_chart(result),
              "Each class against the rest. Faint broken lines: the share of the class, "
              "which chance would reach." +
                  pooled);
  page.figure(calibration_chart(result),
              result.table.task == Task::kMultiLabel
                  ? "How often a class was there, by its probability; all classes together."
                  : "How often the most likely class was right, by its probability. On the diagonal the probabilities "
                    "mean what they say.");
  if (result.confusion.classes > 0 && result.confusion.classes <= 20)
    page.figure(matrix_svg("Confusion", result.table.classes, result.confusion.counts),
                "Counts, and their share of the true class." + pooled);
}

void add_survival_figures(Page& page, const EvaluationResult& result) {
  const SurvivalColumns columns = survival_of(result.table, result.rows);
  std::vector<double> sorted = columns.risk;
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[sorted.size() / 2];
  std::vector<bool> high, low;
  for (const double risk : columns.risk) high.push_back(risk >= median), low.push_back(risk < median);
  Chart chart{"Survival by risk", {"time", 0, {}}, share_axis("share without event"), {}};
  chart.series.push_back(survival_series(columns, low, "risk below the median", 0));
  chart.series.push_back(survival_series(columns, high, "risk at or above the median", 1));
  page.figure(chart_svg(chart), "Kaplan-Meier estimates of the evaluated rows.");
}

void add_regression_figures(Page& page, const EvaluationResult& result) {
  Chart chart{"Predicted and true", {"true value"}, {"predicted value"}, {}};
  Series dots{"", {}, {}, {}, Series::Style::kDots};
  dots.opacity = 0.6;
  double low = result.table.rows[result.rows.front()].target, high = low;
  for (const std::size_t row : result.rows) {
    const PredictionRow& r = result.table.rows[row];
    dots.points.push_back({r.target, r.value});
    low = std::min({low, r.target, r.value}), high = std::max({high, r.target, r.value});
  }
  chart.series.push_back({"", {{low, low}, {high, high}}, {}, {}, Series::Style::kLine, -1});
  chart.series.push_back(std::move(dots));
  page.figure(chart_svg(chart), "One dot a row; on the broken line both agree.");
}

void add_attention_figures(Page& page, const EvaluationResult& result, const RunContext& context) {
  if (!context.concentration.empty()) {
    Chart chart{"Concentration of attention", {"strongest instances", 0, {}}, share_axis("attention mass"), {}};
    chart.series.push_back({"", context.concentration});
    page.figure(chart_svg(chart), "Mean over " + std::to_string(context.concentration_slides) +
                                      " slides of the attention that the k strongest instances hold together.");
  }
  Chart chart{"Attention of each slide", share_axis("entropy / ln N"), share_axis("mass of the ten strongest"), {}};
  Series dots{"", {}, {}, {}, Series::Style::kDots};
  dots.opacity = 0.5;
  for (const std::size_t row : result.rows) {
    const PredictionRow& r = result.table.rows[row];
    if (r.attention_entropy && r.top10_mass) dots.points.push_back({*r.attention_entropy, *r.top10_mass});
  }
  if (dots.points.empty()) return;
  dots.points = thinned(dots.points, 2000);
  chart.series.push_back(std::move(dots));
  page.figure(chart_svg(chart), "Lower right: spread over the slide; upper left: on a few instances.");
}

void add_training_figures(Page& page, const RunContext& context) {
  static const std::vector<HistoryChart> kCharts{
      {"Loss", "loss", {{"train_loss", "training"}, {"val_loss", "validation"}}, false},
      {"Validation", "figure", {{"val_auc", "AUROC"}, {"val_macro_f1", "macro F1"}}, true},
      {"Attention in training",
       "share",
       {{"attention_entropy", "entropy / ln N"}, {"top10_mass", "top-10 mass"}},
       true}};
  for (const HistoryChart& wanted : kCharts) {
    Chart chart{wanted.title, {"epoch"}, {wanted.y}, {}};
    if (wanted.share) chart.y.low = 0, chart.y.high = 1;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < wanted.columns.size(); ++i) {
      const auto found = context.history.find(wanted.columns[i].first);
      if (found == context.history.end()) continue;
      runs = found->second.size();
      add_runs(chart, found->second, wanted.columns[i].second, static_cast<int>(i));
    }
    if (!chart.series.empty())
      page.figure(chart_svg(chart),
                  runs > 1 ? "Bold: mean of " + std::to_string(runs) + " runs, each of them thin." : "One run.");
  }
}

}  // namespace fovea::pipeline::evaluation
