// Masks of one case: empty ones, a single voxel, distances on an anisotropic grid, matching.
#include "mri/evaluation/case_metrics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "mri/evaluation/assignment.h"
#include "mri/evaluation/distance_transform.h"
#include "slide/random_source.h"

namespace fovea::pipeline::mri {
namespace {

struct Masks {
  Index3 size{12, 10, 6};
  Vec3 spacing_mm{0.5, 1, 4};
  std::vector<std::uint8_t> reference = std::vector<std::uint8_t>(720, 0), prediction = reference;

  static void fill(std::vector<std::uint8_t>& mask, const Index3& begin, const Index3& end) {
    for (std::int64_t k = begin[2]; k < end[2]; ++k)
      for (std::int64_t j = begin[1]; j < end[1]; ++j)
        for (std::int64_t i = begin[0]; i < end[0]; ++i) mask[static_cast<std::size_t>((k * 10 + j) * 12 + i)] = 1;
  }
  MaskPair pair() const { return {size, spacing_mm, reference, prediction}; }
};

TEST(CaseMetrics, EmptyMasksFollowThePackage) {
  Masks masks;
  EXPECT_EQ(case_metrics(masks.pair()).voxel.dice, 0);
  EXPECT_EQ(case_metrics(masks.pair()).object.f1, 1);
  EXPECT_FALSE(case_metrics(masks.pair()).surface);
  Masks::fill(masks.prediction, {0, 0, 0}, {5, 5, 4});
  const CaseMetrics alone = case_metrics(masks.pair());
  EXPECT_EQ(alone.object.recall, 1);
  EXPECT_EQ(alone.object.precision, 0);
  EXPECT_EQ(alone.detection.false_positives, 1);
  EXPECT_NEAR(alone.prediction_ml, 100 * 2.0 / 1000, 1e-12);
}

TEST(CaseMetrics, OneVoxelAndASliceApart) {
  Masks masks;
  Masks::fill(masks.reference, {3, 3, 2}, {4, 4, 3}), Masks::fill(masks.prediction, {3, 3, 3}, {4, 4, 4});
  const CaseMetrics m = case_metrics(masks.pair(), 1);
  ASSERT_TRUE(m.surface);
  EXPECT_DOUBLE_EQ(m.surface->hd95_mm, 4);
  EXPECT_DOUBLE_EQ(m.surface->assd_mm, 4);
  EXPECT_FALSE(m.detection.overlap);
  EXPECT_TRUE(m.detection.centroid);
  EXPECT_EQ(m.object.recall, 0);
}

TEST(CaseMetrics, TheSmallerOverlapIsNoSecondMatch) {
  Masks masks;
  Masks::fill(masks.reference, {0, 0, 0}, {10, 6, 2});
  Masks::fill(masks.prediction, {0, 0, 0}, {6, 6, 2}), Masks::fill(masks.prediction, {8, 0, 0}, {10, 6, 2});
  const ObjectMetrics m = object_metrics(masks.pair(), 1);
  ASSERT_EQ(m.predictions.size(), 2U);
  EXPECT_EQ(m.recall, 1);
  EXPECT_EQ(m.precision, 0.5);
  EXPECT_EQ(m.references[0].match, 0U);
  EXPECT_NEAR(m.dice.mean, 2 * 72.0 / (120 + 72), 1e-12);
}

TEST(DistanceTransform, IsTheNearestMarkedVoxel) {
  const Index3 size{9, 7, 5};
  const Vec3 spacing{0.7, 1.3, 3.1};
  slide::RandomSource random(3);
  std::vector<bool> marked(315, false);
  for (int i = 0; i < 6; ++i) marked[static_cast<std::size_t>(random.whole(0, 314))] = true;
  const std::vector<double> found = distances_to(marked, size, spacing);
  const auto at = [&](std::int64_t v) {
    return Vec3{static_cast<double>(v % 9) * spacing[0], static_cast<double>(v / 9 % 7) * spacing[1],
                static_cast<double>(v / 63) * spacing[2]};
  };
  for (std::int64_t v = 0; v < 315; ++v) {
    double least = INFINITY;
    for (std::int64_t m = 0; m < 315; ++m)
      if (marked[static_cast<std::size_t>(m)])
        least = std::min(least, std::hypot(at(v)[0] - at(m)[0], at(v)[1] - at(m)[1], at(v)[2] - at(m)[2]));
    EXPECT_NEAR(found[static_cast<std::size_t>(v)], least, 1e-12);
  }
}

TEST(Assignment, BeatsEveryOther) {
  slide::RandomSource random(5);
  for (const auto& [rows, columns] : {std::pair<std::size_t, std::size_t>{3, 5}, {5, 3}, {4, 4}, {1, 3}}) {
    std::vector<double> gain(rows * columns);
    for (double& g : gain) g = random.uniform();
    const auto found = best_assignment(gain, rows, columns);
    double total = 0;
    for (std::size_t r = 0; r < rows; ++r)
      if (found[r]) total += gain[r * columns + *found[r]];
    // Every order of the longer side's members, the first ones assigned.
    std::vector<std::size_t> order(std::max(rows, columns));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    double best = 0;
    do {
      double sum = 0;
      for (std::size_t i = 0; i < std::min(rows, columns); ++i)
        sum += rows <= columns ? gain[i * columns + order[i]] : gain[order[i] * columns + i];
      best = std::max(best, sum);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(total, best, 1e-12);
  }
}

}  // namespace
}  // namespace fovea::pipeline::mri
