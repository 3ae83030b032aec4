// Comparing models on the same slides.
#include "evaluation/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "shared.h"
#include "tables.h"

namespace {

using namespace fovea::pipeline::evaluation;
using fovea::tests::random_table;

EvaluationOptions quick() {
  EvaluationOptions options;
  options.replicates = 200;
  return options;
}

const Difference& named(const std::vector<Difference>& differences, const std::string& figure) {
  for (const Difference& one : differences)
    if (one.figure == figure) return one;
  throw std::out_of_range(figure);
}

TEST(Comparison, AModelDoesNotDifferFromItself) {
  const PredictionTable table = random_table(40, 1, {"a", "b", "c"}, 0.3, 1);
  const Comparison comparison = compare({table, table}, {"one", "same"}, quick());
  for (const auto* list : {&comparison.models[1].differences, &comparison.models[1].delong})
    for (const Difference& one : *list) {
      EXPECT_EQ(one.value, 0) << one.figure;
      EXPECT_EQ(one.p, 1) << one.figure;
    }
}

TEST(Comparison, AMuchBetterModelIsFoundAndSignsAreModelMinusReference) {
  const PredictionTable weak = random_table(80, 1, {"a", "b"}, 0.1, 1), strong = random_table(80, 1, {"a", "b"}, 2, 2);
  const Comparison comparison = compare({weak, strong}, {"weak", "strong"}, quick());
  EXPECT_GT(named(comparison.models[1].differences, "auroc_macro").value, 0.2);
  EXPECT_LT(named(comparison.models[1].differences, "brier").value, 0);
  EXPECT_LT(named(comparison.models[1].delong, "auroc b").p, 1e-4);
  EXPECT_LE(named(comparison.models[1].differences, "auroc_macro").p, 2.0 / 201 + 1e-12);
}

TEST(Comparison, SeveralModelsAreCorrectedForTheirNumber) {
  const PredictionTable a = random_table(60, 1, {"a", "b"}, 0.3, 1), b = random_table(60, 1, {"a", "b"}, 0.4, 2),
                        c = random_table(60, 1, {"a", "b"}, 0.5, 3);
  const Comparison comparison = compare({a, b, c}, {"a", "b", "c"}, quick());
  const double p1 = comparison.models[1].delong[0].p, p2 = comparison.models[2].delong[0].p;
  EXPECT_DOUBLE_EQ(std::min(comparison.models[1].delong[0].p_holm, comparison.models[2].delong[0].p_holm),
                   std::min(1.0, 2 * std::min(p1, p2)));
}

TEST(Comparison, MatchesSlidesByIdAndAveragesSeeds) {
  PredictionTable one = random_table(30, 1, {"a", "b"}, 0.3, 1, 0), two = random_table(30, 1, {"a", "b"}, 0.3, 2, 1);
  const PredictionTable both = joined_tables({one, two}, {"one", "two"});
  PredictionTable shuffled = both;
  std::reverse(shuffled.rows.begin(), shuffled.rows.end());
  shuffled.rows.erase(shuffled.rows.begin());
  for (PredictionRow& row : shuffled.rows)
    if (row.slide_id == "000-0") row.slide_id = "elsewhere";
  const Comparison comparison = compare({both, shuffled}, {"x", "y"}, quick());
  EXPECT_EQ(comparison.slides, 29U);
  ASSERT_EQ(comparison.notices.size(), 1U);
  const float mean = (one.rows[5].probabilities[0] + two.rows[5].probabilities[0]) / 2;
  for (const PredictionRow& row : comparison.models[0].table.rows) {
    if (row.slide_id != one.rows[5].slide_id) continue;
    EXPECT_NEAR(row.probabilities[0], mean, 1e-6F);
  }
}

TEST(Comparison, WhatCannotBeComparedIsSaid) {
  const PredictionTable table = random_table(10, 1, {"a", "b"}, 0.3, 1);
  PredictionTable other = table;
  other.rows[3].label = other.rows[3].label == "a" ? "b" : "a";
  EXPECT_THROW(compare({table, other}, {"x", "y"}, quick()), fovea::Error);
  for (PredictionRow& row : other.rows) row.slide_id += "x";
  EXPECT_THROW(compare({table, other}, {"x", "y"}, quick()), fovea::Error);
  EXPECT_THROW(compare({table}, {"x"}, quick()), fovea::Error);
  EXPECT_THROW(compare({table, random_table(10, 1, {"a", "c"}, 0.3, 1)}, {"x", "y"}, quick()), fovea::Error);
}

TEST(Comparison, WritesTableJsonAndPage) {
  const fovea::test::TemporaryFolder folder;
  write_predictions(folder.path() / "first.csv", random_table(20, 2, {"a", "b"}, 0.3, 1));
  write_predictions(folder.path() / "second.csv", random_table(20, 2, {"a", "b"}, 0.6, 2));
  EvaluationOptions options = quick();
  options.out = folder.path() / "out";
  const EvaluationSummary summary = compare_files({folder.path() / "first.csv", folder.path() / "second.csv"}, options);
  EXPECT_EQ(summary.outputs.size(), 3U);
  const auto json = nlohmann::json::parse(summary.json);
  EXPECT_EQ(json["reference"], "first");
  EXPECT_EQ(json["models"][1]["name"], "second");
  EXPECT_EQ(json["slides"], 40);
  EXPECT_EQ(json["cases"], 20);
}

}  // namespace
