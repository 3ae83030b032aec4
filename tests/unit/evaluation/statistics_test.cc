// Intervals and tests: what must hold whatever the data.
#include "evaluation/statistics.h"

#include <cmath>
#include <limits>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluation/calibration.h"
#include "evaluation/ranked_scores.h"
#include "evaluation/survival_metrics.h"
#include "tables.h"

namespace {

using namespace fovea::pipeline::evaluation;
using fovea::tests::all_rows;
using fovea::tests::random_table;

TEST(Resampling, KeepsEveryClassAndDrawsWholePatients) {
  const PredictionTable table = random_table(30, 3, {"a", "b", "c"}, 0.3, 1);
  const auto rows = all_rows(table);
  std::set<std::vector<std::uint32_t>> different;
  resample(clusters_of(table, rows), 50, 7, [&](Multiplicity drawn) {
    std::vector<double> of_class(3, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(drawn[i], drawn[i - i % 3]) << "slides of a patient go together";
      of_class[static_cast<std::size_t>(*label_index(table, table.rows[i]))] += drawn[i];
    }
    EXPECT_THAT(of_class, testing::ElementsAre(30, 30, 30));
    different.insert({drawn.begin(), drawn.end()});
  });
  EXPECT_GT(different.size(), 40U);
}

TEST(Resampling, AMultiplicityIsTheRowWrittenSeveralTimes) {
  const PredictionTable table = random_table(20, 1, {"a", "b", "c"}, 0.3, 2);
  std::vector<std::uint32_t> drawn;
  PredictionTable written = table;
  written.rows.clear();
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    drawn.push_back(static_cast<std::uint32_t>(i % 3));
    written.rows.insert(written.rows.end(), i % 3, table.rows[i]);
  }
  const std::vector<double> counted = figure_set(table, all_rows(table)).values(drawn),
                            copied = figure_set(written, all_rows(written)).values({});
  ASSERT_EQ(counted.size(), copied.size());
  for (std::size_t f = 0; f < counted.size(); ++f) EXPECT_NEAR(counted[f], copied[f], 1e-12);
}

TEST(Resampling, SurvivalMultiplicitiesAreRowsWrittenSeveralTimes) {
  const std::vector<double> risk{3, 1, 2, 2, 0.5}, time{1, 5, 3, 3, 4};
  const std::vector<bool> event{true, false, true, false, true};
  std::vector<double> many_risk, many_time;
  std::vector<bool> many_event;
  const std::vector<std::uint32_t> drawn{2, 1, 3, 1, 2};
  for (std::size_t i = 0; i < risk.size(); ++i)
    for (std::uint32_t n = 0; n < drawn[i]; ++n)
      many_risk.push_back(risk[i]), many_time.push_back(time[i]), many_event.push_back(event[i]);
  const SurvivalRows few{risk, time, event}, many{many_risk, many_time, many_event};
  EXPECT_NEAR(*concordance_index(few, drawn), *concordance_index(many), 1e-12);
  EXPECT_NEAR(*cumulative_auroc(few, 3, drawn), *cumulative_auroc(many, 3), 1e-12);
}

TEST(Bootstrap, TheSameSeedGivesTheSameInterval) {
  const PredictionTable table = random_table(40, 2, {"a", "b"}, 0.4, 3);
  const auto rows = all_rows(table);
  const auto interval = [&](std::uint64_t seed) {
    return *bootstrap_intervals(figure_set(table, rows), clusters_of(table, rows), 200, seed, 0.95)[0];
  };
  EXPECT_EQ(interval(1).low, interval(1).low);
  EXPECT_NE(interval(1).low, interval(2).low);
  const double value = figure_set(table, rows).values({})[0];
  EXPECT_LT(interval(1).low, value);
  EXPECT_GT(interval(1).high, value);
}

TEST(Bootstrap, AgreesWithDelongOnIndependentRows) {
  const PredictionTable table = random_table(300, 1, {"a", "b"}, 0.4, 4);
  const auto rows = all_rows(table);
  const Interval drawn = *bootstrap_intervals(figure_set(table, rows), clusters_of(table, rows), 1000, 0, 0.95)[0];
  const Interval placed = delong_interval(*delong(scores_of(table, rows, 1), positives_of(table, rows, 1)), 0.95);
  EXPECT_NEAR(drawn.low, placed.low, 0.01);
  EXPECT_NEAR(drawn.high, placed.high, 0.01);
}

TEST(Delong, EqualScoresDifferByNothing) {
  const std::vector<float> scores{0.1F, 0.4F, 0.35F, 0.8F, 0.7F};
  const std::vector<bool> positive{false, false, true, true, true};
  const auto one = delong(scores, positive);
  const PairedTest test = delong_test(*one, *one, 0.95);
  EXPECT_EQ(test.difference, 0);
  EXPECT_EQ(test.p, 1);
  EXPECT_FALSE(delong(scores, {true, true, true, true, false})) << "one negative has no variance";
}

TEST(Delong, AMonotoneChangeOfScoresChangesNothing) {
  const PredictionTable table = random_table(50, 1, {"a", "b"}, 0.2, 5);
  const auto rows = all_rows(table);
  std::vector<float> scores = scores_of(table, rows, 1), bent = scores;
  for (float& score : bent) score = score * score * score;
  const auto positive = positives_of(table, rows, 1);
  EXPECT_DOUBLE_EQ(delong(scores, positive)->variance(), delong(bent, positive)->variance());
  EXPECT_NEAR(delong(scores, positive)->area, *auroc(scores, positive), 1e-12);
}

TEST(Holm, IsTheTextbookExample) {
  const std::vector<double> p{0.01, 0.04, 0.03, 0.005};
  const std::vector<double> corrected = holm(p);
  EXPECT_DOUBLE_EQ(corrected[0], 0.03);
  EXPECT_DOUBLE_EQ(corrected[1], 0.06);
  EXPECT_DOUBLE_EQ(corrected[2], 0.06);
  EXPECT_DOUBLE_EQ(corrected[3], 0.02);
}

TEST(Normal, QuantilesAreTheKnownOnes) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-9);
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-9);
}

TEST(Intervals, HalfUndefinedIsUndefined) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(percentile_interval({nan, nan, 1}, 0.95));
  EXPECT_FALSE(percentile_interval({}, 0.95));
  EXPECT_TRUE(percentile_interval({nan, 1, 2}, 0.95));
}

TEST(Survival, PerfectAndReversedRisksAreOneAndZero) {
  const std::vector<double> time{1, 2, 3, 4}, risk{4, 3, 2, 1}, reversed{1, 2, 3, 4}, same{1, 1, 1, 1};
  const std::vector<bool> event{true, true, false, true};
  EXPECT_EQ(*concordance_index({risk, time, event}), 1);
  EXPECT_EQ(*concordance_index({reversed, time, event}), 0);
  EXPECT_EQ(*concordance_index({same, time, event}), 0.5);
  EXPECT_FALSE(concordance_index({risk, time, {false, false, false, false}}));
}

TEST(Survival, KaplanMeierStepsAtEvents) {
  const std::vector<double> time{1, 2, 2, 3, 4};
  const auto steps = kaplan_meier(time, {true, true, false, false, true});
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_DOUBLE_EQ(steps[0].survival, 0.8);
  EXPECT_DOUBLE_EQ(steps[1].survival, 0.8 * 0.75);
  EXPECT_DOUBLE_EQ(steps[2].survival, 0);
}

TEST(Calibration, ErrorIsTheWeightedDistance) {
  const std::vector<float> confidence{0.9F, 0.9F, 0.9F, 0.9F, 0.3F, 0.3F};
  const auto bins = reliability(confidence, {true, true, true, false, false, false}, {}, 10);
  EXPECT_NEAR(calibration_error(bins), (4 * 0.15 + 2 * 0.3) / 6, 1e-6);
}

}  // namespace
