#include "slide/read_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {
namespace {

std::vector<io::SlideLevel> levels(std::initializer_list<double> downsamples) {
  std::vector<io::SlideLevel> all;
  for (const double d : downsamples)
    all.push_back({static_cast<std::int64_t>(100000 / d), static_cast<std::int64_t>(80000 / d), d});
  return all;
}
ReadPlan plan(std::initializer_list<double> downsamples, double mpp, double target, std::int64_t tile = 256,
              std::int64_t overlap = 0) {
  return plan_reads(levels(downsamples), mpp, {target, tile, overlap, false}, "slide.svs");
}

TEST(ReadPlan, FortyTimesSlideWithoutATwentyTimesLevelReadsLevelZeroAndHalves) {
  const ReadPlan p = plan({1, 4, 16}, 0.25, 0.5);
  EXPECT_EQ(p.level, 0);
  EXPECT_EQ(p.read_px, 512);
  EXPECT_EQ(p.footprint_px, 512);
  EXPECT_EQ(p.step_px, 512);
  EXPECT_DOUBLE_EQ(p.mpp_tile, 0.5);
}

TEST(ReadPlan, FractionalFactorReadsTheRoundedRegion) {
  const ReadPlan p = plan({1, 4, 16}, 0.2325, 0.5);
  EXPECT_EQ(p.level, 0);
  EXPECT_EQ(p.read_px, 551);
  EXPECT_EQ(p.footprint_px, 551);
  EXPECT_DOUBLE_EQ(p.mpp_tile, 0.5);
}

TEST(ReadPlan, NearlyEqualScaleReadsTileForTileAndStoresTheTrueScale) {
  const ReadPlan p = plan({1}, 0.499, 0.5);
  EXPECT_EQ(p.read_px, 256);
  EXPECT_EQ(p.footprint_px, 256);
  EXPECT_DOUBLE_EQ(p.mpp_tile, 0.499);
  EXPECT_DOUBLE_EQ(p.mpp_wanted, 0.5);
}

TEST(ReadPlan, DownsampleOf4Point001CountsAsFour) {
  const ReadPlan p = plan({1, 4.0010, 16.0211}, 0.25, 1.0);
  EXPECT_EQ(p.level, 1);
  EXPECT_EQ(p.read_px, 256);
  EXPECT_EQ(p.footprint_px, 1024);
}

TEST(ReadPlan, NeverReadsACoarserLevel) {
  EXPECT_EQ(plan({1, 4, 16}, 0.25, 0.98).level, 0);
  EXPECT_EQ(plan({1, 4, 16}, 0.25, 1.0).level, 1);
  EXPECT_EQ(plan({1, 4, 16}, 0.25, 3.5).level, 1);
}

TEST(ReadPlan, OverlapIsCountedAtTheTargetScale) {
  const ReadPlan p = plan({1, 4}, 0.25, 0.5, 224, 112);
  EXPECT_EQ(p.footprint_px, 448);
  EXPECT_EQ(p.step_px, 224);
}

TEST(ReadPlan, CoarseSlideIsRefusedWithItsTrueScale) {
  try {
    plan({1}, 0.6, 0.5);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("0.6 um/px"), testing::HasSubstr("--allow-upsampling")));
  }
  EXPECT_EQ(plan({1}, 0.509, 0.5).read_px, 251) << "two percent coarser is taken";
  EXPECT_EQ(plan_reads(levels({1}), 0.6, {0.5, 256, 0, true}, "s").read_px, 213);
}

TEST(ReadPlan, OverlapMayBeAPercentage) {
  EXPECT_EQ(parse_overlap("50%", 224), 112);
  EXPECT_EQ(parse_overlap("112", 224), 112);
  EXPECT_EQ(parse_overlap("0", 224), 0);
  for (const char* bad : {"", "x", "-3", "50%%", "100%", "12 px"}) EXPECT_THROW(parse_overlap(bad, 224), Error) << bad;
  EXPECT_THROW(plan({1}, 0.5, 0.5, 256, 256), Error);
}

}  // namespace
}  // namespace fovea::pipeline::slide
