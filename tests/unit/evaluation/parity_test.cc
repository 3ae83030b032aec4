// The figures against scikit-learn, SciPy and scikit-survival; parity.json says which versions (make_parity.py).
#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "evaluation/calibration.h"
#include "evaluation/figures.h"
#include "evaluation/metrics.h"
#include "evaluation/ranked_scores.h"
#include "evaluation/regression_metrics.h"
#include "evaluation/statistics.h"
#include "evaluation/survival_metrics.h"

namespace {

using namespace fovea::pipeline::evaluation;
using nlohmann::json;

constexpr double kClose = 1e-6;

json parity() {
  std::ifstream stream(std::string(FOVEA_SOURCE_DIR) + "/tests/unit/evaluation/parity.json");
  return json::parse(stream);
}

TEST(Parity, ClassificationFiguresAreThoseOfScikitLearn) {
  for (const json& given : parity().at("classification")) {
    const auto classes = given.at("classes").get<std::int64_t>();
    const auto p = given.at("probabilities").get<std::vector<float>>();
    const auto labels = given.at("labels").get<std::vector<std::int64_t>>();
    const Confusion confusion = confusion_of(p, classes, labels);
    const auto areas = auroc_per_class(p, classes, labels);
    for (std::int64_t c = 0; c < classes; ++c) {
      const auto i = static_cast<std::size_t>(c);
      std::vector<float> scores;
      std::vector<bool> positive;
      for (std::size_t row = 0; row < labels.size(); ++row)
        scores.push_back(p[row * static_cast<std::size_t>(classes) + i]), positive.push_back(labels[row] == c);
      EXPECT_NEAR(*areas[i], given.at("auroc_per_class").at(i), kClose);
      EXPECT_NEAR(*RankedScores(scores, positive).average_precision(), given.at("auprc_per_class").at(i), kClose);
      EXPECT_NEAR(class_figures(confusion, c).precision.value_or(0), given.at("precision").at(i), kClose);
      EXPECT_NEAR(class_figures(confusion, c).recall.value_or(0), given.at("recall").at(i), kClose);
    }
    EXPECT_NEAR(macro_f1(confusion), given.at("f1_macro"), kClose);
    EXPECT_NEAR(micro_f1(confusion), given.at("f1_micro"), kClose);
    EXPECT_NEAR(accuracy(p, classes, labels), given.at("accuracy"), kClose);
    EXPECT_NEAR(balanced_accuracy(confusion), given.at("balanced_accuracy"), kClose);
    EXPECT_NEAR(quadratic_kappa(confusion), given.at("kappa_quadratic"), kClose);
    EXPECT_NEAR(brier_score(p, classes, labels), given.at("brier"), kClose);
    EXPECT_NEAR(log_loss(p, classes, labels), given.at("log_loss"), kClose);
  }
}

TEST(Parity, DelongIsItsDefinition) {
  const json given = parity().at("delong");
  const auto positive = given.at("positive").get<std::vector<bool>>();
  const auto a = delong(given.at("a").get<std::vector<float>>(), positive),
             b = delong(given.at("b").get<std::vector<float>>(), positive);
  ASSERT_TRUE(a && b);
  EXPECT_NEAR(a->area, given.at("areas").at(0), kClose);
  EXPECT_NEAR(b->area, given.at("areas").at(1), kClose);
  EXPECT_NEAR(a->variance(), given.at("variances").at(0), kClose);
  EXPECT_NEAR(b->variance(), given.at("variances").at(1), kClose);
  const PairedTest test = delong_test(*a, *b, 0.95);
  EXPECT_NEAR(test.z, given.at("z"), 1e-5);
  EXPECT_NEAR(test.p, given.at("p"), kClose);
}

TEST(Parity, SurvivalFiguresAreThoseOfScikitSurvival) {
  const json given = parity().at("survival");
  const auto risk = given.at("risk").get<std::vector<double>>(), time = given.at("time").get<std::vector<double>>(),
             times = given.at("times").get<std::vector<double>>(),
             curve_times = given.at("curve_times").get<std::vector<double>>();
  const auto curves = given.at("curves").get<std::vector<float>>();
  const SurvivalRows rows{risk, time, given.at("event").get<std::vector<bool>>()};
  EXPECT_NEAR(*concordance_index(rows), given.at("c_index"), kClose);
  for (std::size_t t = 0; t < times.size(); ++t)
    EXPECT_NEAR(*cumulative_auroc(rows, times[t]), given.at("auroc").at(t), kClose) << times[t];

  PredictionTable table;
  table.task = Task::kSurvival, table.times = curve_times;
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < risk.size(); ++i) {
    PredictionRow& row = table.rows.emplace_back();
    row.risk = risk[i], row.time = time[i], row.event = rows.event[i];
    const float* first = curves.data() + i * curve_times.size();
    row.probabilities.assign(first, first + curve_times.size());
    all.push_back(i);
  }
  for (std::size_t t = 0; t < curve_times.size(); ++t)
    EXPECT_NEAR(*brier_at(rows, scores_of(table, all, t), curve_times[t]), given.at("brier").at(t), kClose);
  EXPECT_NEAR(figure_set(table, all).values({}).back(), given.at("integrated_brier"), kClose);
}

TEST(Parity, RegressionFiguresAreThoseOfScikitLearnAndScipy) {
  const json given = parity().at("regression");
  const auto figures =
      regression_figures(given.at("value").get<std::vector<double>>(), given.at("target").get<std::vector<double>>());
  EXPECT_NEAR(figures.mae, given.at("mae"), kClose);
  EXPECT_NEAR(figures.rmse, given.at("rmse"), kClose);
  EXPECT_NEAR(*figures.r2, given.at("r2"), kClose);
  EXPECT_NEAR(*figures.spearman, given.at("spearman"), kClose);
}

}  // namespace
