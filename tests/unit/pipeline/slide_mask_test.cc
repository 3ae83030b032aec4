#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "slide/contours.h"
#include "slide/mask_ops.h"

namespace fovea::pipeline::slide {
namespace {

io::Image mask_of(const std::vector<std::string>& rows) {
  io::Image mask(static_cast<int>(rows[0].size()), static_cast<int>(rows.size()), 1);
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) *mask.at(x, y) = rows[y][x] == '#' ? 255 : 0;
  return mask;
}

TEST(MaskOps, SaturationIsThatOf8BitHsv) {
  const std::uint8_t grey_pixel[]{241, 241, 241}, black[]{0, 0, 0}, red[]{200, 0, 0}, pink[]{200, 100, 150};
  EXPECT_EQ(saturation(grey_pixel), 0);
  EXPECT_EQ(saturation(black), 0);
  EXPECT_EQ(saturation(red), 255);
  EXPECT_EQ(saturation(pink), 128);
}

TEST(MaskOps, WhiteDistanceKeepsTheMeaningOfGreaterThan) {
  const std::uint8_t just_above[]{255, 255 - 85, 254}, exactly[]{255, 255 - 85, 255};
  EXPECT_GT(white_distance(just_above), 85);
  EXPECT_EQ(white_distance(exactly), 85);
}

TEST(MaskOps, MedianEqualsTheSortedMiddleWithReplicatedBorders) {
  std::mt19937 random(3);
  io::Image plane(23, 17, 1);
  for (auto& value : plane.pixels) value = static_cast<std::uint8_t>(random());
  io::Image filtered = plane;
  median_filter(filtered, 7);
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      std::vector<std::uint8_t> window;
      for (int dy = -3; dy <= 3; ++dy)
        for (int dx = -3; dx <= 3; ++dx)
          window.push_back(*plane.at(std::clamp(x + dx, 0, 22), std::clamp(y + dy, 0, 16)));
      std::nth_element(window.begin(), window.begin() + 24, window.end());
      ASSERT_EQ(*filtered.at(x, y), window[24]) << x << "," << y;
    }
  }
}

TEST(MaskOps, OtsuSplitsTwoHeapsBetweenThem) {
  std::array<std::int64_t, 256> counts{};
  counts[20] = 100, counts[30] = 50, counts[200] = 60;
  EXPECT_GE(otsu_threshold(counts), 30);
  EXPECT_LT(otsu_threshold(counts), 200);
}

TEST(MaskOps, ClosingWithAnEvenSquareClosesGapsWithoutMovingTheMask) {
  io::Image block = mask_of({"............", "............", "...####.....", "...####.....", "...####.....",
                             "............", "............", "............"});
  const io::Image before = block;
  close_mask(block, 4);
  EXPECT_EQ(block.pixels, before.pixels) << "a convex block must stay where it is";
  io::Image gap = mask_of({"..............", "..####..####..", "..####..####..", "..............", "..............",
                           "..............", ".............."});
  close_mask(gap, 4);
  EXPECT_EQ(*gap.at(6, 1), 255) << "a gap of two closes";
  EXPECT_EQ(*gap.at(7, 2), 255);
}

TEST(Components, TissueJoinsAtCornersAndBackgroundDoesNot) {
  const io::Image mask = mask_of({"#.....", ".#....", "..####", "..#..#", "..####"});
  const Components tissue(mask, true);
  ASSERT_EQ(tissue.count(), 1U);
  EXPECT_EQ(tissue.area_px(0), 12);
  const Components background(mask, false);
  ASSERT_EQ(background.count(), 3U);
  const std::size_t hole = background.at(3, 3);
  EXPECT_EQ(background.area_px(hole), 2);
  EXPECT_FALSE(background.touches_border(hole));
}

TEST(Components, BranchesThatMeetLaterAreOne) {
  const Components tissue(mask_of({"#.#.#", "#.#.#", "#####"}), true);
  ASSERT_EQ(tissue.count(), 1U);
  EXPECT_EQ(tissue.area_px(0), 11);
}

/// Shoelace; positive for clockwise on the screen.
double signed_area(const std::vector<std::pair<double, double>>& ring) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i)
    sum += ring[i].first * ring[i + 1].second - ring[i + 1].first * ring[i].second;
  return sum / 2;
}

TEST(TissueRegions, RingsEncloseExactlyThePixelsOfTheRegion) {
  const io::Image mask = mask_of({"#.......##", ".#......##", "..####....", "..#..#.#..", "..####...."});
  const auto regions = tissue_regions(mask, {100, 200, 8, 4});
  ASSERT_EQ(regions.size(), 3U);
  ASSERT_EQ(regions[0].rings.size(), 2U) << "one outer ring, one hole";
  for (const auto& region : regions) {
    double area = 0;
    for (const auto& ring : region.rings) {
      EXPECT_EQ(ring.front(), ring.back());
      area += signed_area(ring);
    }
    EXPECT_NEAR(area / 64 * 16e-6, region.area_mm2, 1e-12);
  }
  EXPECT_LT(signed_area(regions[0].rings[1]), 0) << "holes run the other way";
  EXPECT_EQ(regions[0].rings[0].front(), std::pair(108.0, 200.0));
}

TEST(TissueRegions, RandomMasksKeepTheirArea) {
  std::mt19937 random(11);
  io::Image mask(60, 40, 1);
  for (auto& value : mask.pixels) value = random() % 3 == 0 ? 255 : 0;
  double polygons = 0, pixels = 0;
  for (const auto& region : tissue_regions(mask, {0, 0, 1, 1000})) {
    for (const auto& ring : region.rings) polygons += signed_area(ring);
    pixels += region.area_mm2;
  }
  EXPECT_DOUBLE_EQ(polygons, pixels);
  EXPECT_DOUBLE_EQ(pixels, static_cast<double>(std::count(mask.pixels.begin(), mask.pixels.end(), 255)));
}

TEST(MaskOps, MedianAboveIsTheMedianThenTheThreshold) {
  std::mt19937 random(3);
  for (const int size : {1, 3, 7, 11}) {
    io::Image plane(61, 203, 1);
    for (std::uint8_t& value : plane.pixels) value = static_cast<std::uint8_t>(random() % 24);
    io::Image two_steps = plane, one = plane;
    median_filter(two_steps, size);
    binarise(two_steps, 11);
    median_above(one, size, 11);
    EXPECT_EQ(one.pixels, two_steps.pixels) << size;
  }
}

}  // namespace
}  // namespace fovea::pipeline::slide
