// Figures of a classifier: small cases worked out by hand, and their edges. Fixtures hold the large ones.
#include "evaluation/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace fovea::pipeline::evaluation;

const std::vector<float> kProbabilities{0.8F, 0.2F, 0.0F,  //
                                        0.3F, 0.6F, 0.1F,  //
                                        0.5F, 0.4F, 0.1F,  //
                                        0.1F, 0.2F, 0.7F};

TEST(Metrics, ConfusionCountsTruthByPrediction) {
  const std::vector<std::int64_t> labels{0, 1, 1, 0};
  const Confusion confusion = confusion_of(kProbabilities, 3, labels);
  EXPECT_THAT(confusion.counts, testing::ElementsAre(1, 0, 1, 1, 1, 0, 0, 0, 0));
  EXPECT_DOUBLE_EQ(micro_f1(confusion), 0.5);
  // Class 0: 2 * 1 / (2 + 2); class 1: 2 * 1 / (2 + 1); class 2: predicted once, never true: 0.
  EXPECT_DOUBLE_EQ(macro_f1(confusion), (0.5 + 2.0 / 3 + 0) / 3);
  EXPECT_DOUBLE_EQ(balanced_accuracy(confusion), 0.5);  // class 2 never occurs
}

TEST(Metrics, OfEqualProbabilitiesTheFirstClassIsPredicted) {
  const std::vector<float> ties{0.5F, 0.5F};
  const std::vector<std::int64_t> labels{1};
  EXPECT_EQ(confusion_of(ties, 2, labels).at(1, 0), 1);
}

TEST(Metrics, AnAbsentClassHasNoAreaAndIsLeftOutOfTheMean) {
  const std::vector<std::int64_t> labels{0, 1, 1, 0};
  const auto areas = auroc_per_class(kProbabilities, 3, labels);
  ASSERT_TRUE(areas[0] && areas[1]);
  EXPECT_FALSE(areas[2]);
  EXPECT_DOUBLE_EQ(*macro_auroc(kProbabilities, 3, labels), (*areas[0] + *areas[1]) / 2);
}

TEST(Metrics, QuadraticKappaPunishesTheDistance) {
  const auto kappa = [](std::vector<std::int64_t> counts) { return quadratic_kappa({3, std::move(counts)}); };
  EXPECT_DOUBLE_EQ(kappa({4, 0, 0, 0, 4, 0, 0, 0, 4}), 1);
  EXPECT_GT(kappa({3, 1, 0, 0, 4, 0, 0, 0, 4}), kappa({3, 0, 1, 0, 4, 0, 0, 0, 4}));
  EXPECT_LT(kappa({0, 0, 4, 0, 0, 0, 4, 0, 0}), 0);
  EXPECT_EQ(kappa({4, 0, 0, 0, 0, 0, 0, 0, 0}), 0);  // one class only: nothing to disagree about
}

TEST(Metrics, NoRowsGiveZeroAndNotNaN) {
  const Confusion confusion = confusion_of({}, 3, {});
  EXPECT_EQ(macro_f1(confusion), 0);
  EXPECT_EQ(micro_f1(confusion), 0);
  EXPECT_EQ(balanced_accuracy(confusion), 0);
  EXPECT_EQ(quadratic_kappa(confusion), 0);
  EXPECT_FALSE(macro_auroc({}, 3, {}));
}

}  // namespace
