// Brain masks: the steps they are made of, the drawn head, and Colin27 by both means.
#include "mri/brain/brain_mask.h"

#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "mri/brain/deepbet.h"
#include "mri/brain/otsu_brain.h"
#include "mri/brain/template_brain.h"
#include "mri_head_support.h"
#include "shared.h"

namespace fovea::pipeline::mri {
namespace {

constexpr Index3 kSize{9, 9, 9};

Mask cube(const Index3& size, std::int64_t from, std::int64_t to) {
  Mask mask{size, std::vector<std::uint8_t>(static_cast<std::size_t>(product(size)))};
  for (std::int64_t z = from; z < to; ++z)
    for (std::int64_t y = from; y < to; ++y)
      for (std::int64_t x = from; x < to; ++x)
        mask.values[static_cast<std::size_t>((z * size[1] + y) * size[0] + x)] = 1;
  return mask;
}

double dice(const Mask& mask, const std::vector<std::uint8_t>& truth) {
  double both = 0, all = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) both += mask.values[i] & truth[i], all += mask.values[i] + truth[i];
  return 2 * both / all;
}

TEST(Morphology, GrowsAndShrinksInMillimetres) {
  const Mask one = cube(kSize, 4, 5);
  EXPECT_EQ(grown(one, {1, 1, 1}, 1).count(), 7);
  EXPECT_EQ(grown(one, {1, 1, 2}, 1).count(), 5) << "the next slice is 2 mm away";
  EXPECT_EQ(shrunk(cube(kSize, 2, 7), {1, 1, 1}, 1).count(), 27);
  EXPECT_EQ(shrunk(grown(cube(kSize, 3, 6), {1, 1, 1}, 2), {1, 1, 1}, 2).count(), 27);
}

TEST(Morphology, FillsWhatTheOutsideCannotReach) {
  Mask hollow = cube(kSize, 2, 7);
  hollow.values[(4 * 9 + 4) * 9 + 4] = 0;
  EXPECT_EQ(filled(hollow).count(), 125);
  hollow.values[(4 * 9 + 4) * 9 + 3] = hollow.values[(4 * 9 + 4) * 9 + 2] = 0;  // a channel to the outside
  EXPECT_EQ(filled(hollow).count(), 122);
}

TEST(Morphology, KeepsTheLargestPiece) {
  Mask two = cube(kSize, 0, 2);
  for (std::size_t i = 0; i < two.values.size(); ++i) two.values[i] |= cube(kSize, 4, 7).values[i];
  EXPECT_EQ(largest_piece(two).count(), 27);
  EXPECT_EQ(largest_piece(cube(kSize, 0, 0)).count(), 0);
}

TEST(OtsuBrain, PartsThreeClasses) {
  std::vector<float> values;
  for (int i = 0; i < 300; ++i) values.push_back(i < 100 ? i % 10 : i < 200 ? 100 + i % 10 : 200 + i % 10);
  const auto [low, high] = otsu_thresholds(values);
  EXPECT_GT(low, 9);
  EXPECT_LE(low, 100);
  EXPECT_GT(high, 109);
  EXPECT_LE(high, 200);
}

TEST(OtsuBrain, ColinsBrain) {
  FOVEA_NEEDS_SHARED("data/mri/colin27/ch2.nii.gz");
  const auto folder = test::shared_dir() / "data/mri/colin27";
  const io::Volume head = io::read_volume(folder / "ch2.nii.gz"), bare = io::read_volume(folder / "ch2bet.nii.gz");
  Mask truth{bare.geometry.size, {}};
  for (const float v : bare.values) truth.values.push_back(v > 0);
  EXPECT_GE(dice(otsu_brain(head), filled(truth).values), 0.94) << "the reference's own runs reached 0.958";
}

TEST(DeepbetBrain, ColinsBrain) {
  FOVEA_NEEDS_SHARED("data/mri/colin27/ch2.nii.gz");
  if (!find_deepbet()) GTEST_SKIP() << "needs deepbet's networks (./run deps)";
  const auto folder = test::shared_dir() / "data/mri/colin27";
  const BrainResult brain = find_brain(io::read_volume(folder / "ch2.nii.gz"), BrainMethod::kAuto);
  EXPECT_EQ(brain.method, "deepbet 1.0.2");
  EXPECT_TRUE(brain.plausible);
  EXPECT_NEAR(brain.ml, 1962, 10) << "as reference/mri-io.md 6; voxel by voxel: tests/python/brain_mask_test.py";
  EXPECT_TRUE(brain.notices.empty());
}

/// Colin27 onto another person's head with face and neck, where grey values alone end at Dice 0.77.
TEST(TemplateBrain, AnotherHead) {
  FOVEA_NEEDS_SHARED("data/mri/t1-dicom");
  const auto known = find_brain_template();
  if (!known) GTEST_SKIP() << "needs Debian's mricron-data";
  const io::Volume head = io::read_volume(test::shared_dir() / "data/mri/t1-dicom");
  const auto mask = template_brain(head, *known);
  ASSERT_TRUE(mask);
  const double ml = static_cast<double>(mask->count()) * head.geometry.voxel_ml();
  EXPECT_GE(ml, 900);
  EXPECT_LE(ml, 2000);
  EXPECT_EQ(largest_piece(*mask).count(), mask->count()) << "in one piece";
  if (!find_deepbet()) return;
  EXPECT_GE(dice(*mask, find_brain(head, BrainMethod::kDeepbet).mask.values), 0.95);
}

TEST(TemplateBrain, ColinMovedAndScaledFindsItself) {
  const auto known = find_brain_template();
  if (!known) GTEST_SKIP() << "needs Debian's mricron-data";
  io::Volume head = moved(io::read_volume(known->head), rigid_move({6, -9, 12}, {20, -15, 10}));
  for (double& spacing : head.geometry.spacing_mm) spacing *= 0.93;
  const io::Volume brain = io::read_volume(known->brain);
  std::vector<std::uint8_t> truth;
  for (const float v : brain.values) truth.push_back(v > 0);
  const BrainResult found = find_brain(head, BrainMethod::kClassical);
  EXPECT_EQ(found.method, "template and grey values");
  EXPECT_GE(dice(found.mask, filled({brain.geometry.size, truth}).values), 0.9);
}

TEST(TemplateBrain, FilesOfTwoGridsAreRefused) {
  FOVEA_NEEDS_SHARED("data/mri/colin27/ch2.nii.gz");
  const auto folder = test::shared_dir() / "data/mri";
  const io::Volume head = drawn_head(centred_grid({40, 48, 20}, {4, 4, 8}), kT1);
  EXPECT_THROW(template_brain(head, {folder / "colin27/ch2.nii.gz", folder / "ms-patient07/t1.nii.gz"}), Error);
}

TEST(BrainMask, WhatIsNoWholeBrainIsSaid) {
  const io::Volume small = drawn_head(centred_grid({40, 40, 40}, {1, 1, 1}), kT1);
  const BrainResult brain = find_brain(small, BrainMethod::kOtsu);
  EXPECT_FALSE(brain.plausible);
  ASSERT_FALSE(brain.notices.empty());
  EXPECT_NE(brain.notices.back().find("no whole brain"), std::string::npos);
}

}  // namespace
}  // namespace fovea::pipeline::mri
