// Drawn targets: where they may be, how large they are, in which modalities they show.
#include "mri/synthesis/synthesis.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "slide/random_source.h"

namespace fovea::pipeline::mri {
namespace {

Grid noise(const Index3& size, std::uint64_t seed) {
  slide::RandomSource random(seed);
  Grid grid(size);
  for (float& v : grid.values) v = static_cast<float>(random.uniform(90, 110));
  return grid;
}

const Index3 kSize{40, 36, 20};
const Vec3 kSpacing{1, 1.2, 2};
const SynthesisOptions kOptions{.least = 2, .most = 2, .volume_mm3 = {80, 300}, .contrast = {4, -4}, .visibility = 0.4};

std::vector<bool> middle() {
  std::vector<bool> allowed;
  for (std::int64_t z = 0; z < kSize[2]; ++z)
    for (std::int64_t y = 0; y < kSize[1]; ++y)
      for (std::int64_t x = 0; x < kSize[0]; ++x)
        allowed.push_back(x > 3 && x < 36 && y > 3 && y < 32 && z > 1 && z < 18);
  return allowed;
}

TEST(Synthesis, TargetsLieWhereTheyMayHaveTheirSizeAndShowWhereTheySay) {
  const auto allowed = middle();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<Grid> before{noise(kSize, 1), noise(kSize, 2)};
    const Synthetic made = synthesise(before, kSpacing, allowed, kOptions, seed);
    ASSERT_EQ(made.targets.size(), 2U);
    double voxels = 0, wanted = 0;
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      if (made.label[i]) {
        ++voxels;
        EXPECT_TRUE(allowed[i]);
      }
      for (std::size_t m = 0; m < 2 && !allowed[i]; ++m) {
        EXPECT_EQ(made.channels[m].values[i], before[m].values[i]);
      }
    }
    for (const Target& target : made.targets) wanted += target.volume_mm3;
    EXPECT_NEAR(voxels * kSpacing[0] * kSpacing[1] * kSpacing[2] / wanted, 1, 0.35);
    for (const Target& target : made.targets) {
      EXPECT_TRUE(target.visible[0] || target.visible[1]);
      const auto centre = made.channels[0].at(std::lround(target.centre_index[0]), std::lround(target.centre_index[1]),
                                              std::lround(target.centre_index[2]));
      for (std::size_t m = 0; m < 2; ++m) {
        const float change = made.channels[m].values[centre] - before[m].values[centre];
        if (target.visible[m]) {
          EXPECT_GT(m == 0 ? change : -change, 1);
        } else {
          EXPECT_EQ(change, 0);
        }
      }
    }
  }
}

TEST(Synthesis, TheSameSeedDrawsTheSame) {
  const auto draw = [](std::uint64_t seed) {
    return synthesise({noise(kSize, 1), noise(kSize, 2)}, kSpacing, middle(), kOptions, seed);
  };
  EXPECT_EQ(draw(5).label, draw(5).label);
  EXPECT_NE(draw(5).label, draw(6).label);
}

TEST(Synthesis, WithoutRoomNothingIsDrawn) {
  const std::vector<bool> nowhere(static_cast<std::size_t>(product(kSize)), false);
  const Synthetic made = synthesise({noise(kSize, 1), noise(kSize, 2)}, kSpacing, nowhere, kOptions, 1);
  EXPECT_TRUE(made.targets.empty());
}

}  // namespace
}  // namespace fovea::pipeline::mri
