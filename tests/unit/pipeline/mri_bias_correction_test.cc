// Bias correction: a field that was multiplied onto a head is found and divided out again.
#include "mri/bias_correction.h"

#include <cmath>

#include <gtest/gtest.h>

#include "mri/brain/otsu_brain.h"
#include "mri_head_support.h"
#include "shared.h"

namespace fovea::pipeline::mri {
namespace {

/// A coil's field: between about 0.6 and 1.6, of no axis.
double field_at(const io::Geometry& g, std::int64_t i, std::int64_t j, std::int64_t k) {
  const auto at = [&](std::size_t a, std::int64_t x) {
    return 2 * static_cast<double>(x) / static_cast<double>(g.size[a]) - 1;
  };
  const double x = at(0, i), y = at(1, j), z = at(2, k);
  return std::exp(0.3 * x + 0.25 * y * z - 0.2 * y + 0.15 * z * z);
}

std::vector<float> shaded(const io::Volume& volume) {
  std::vector<float> values = volume.values;
  std::size_t at = 0;
  for (std::int64_t k = 0; k < volume.geometry.size[2]; ++k)
    for (std::int64_t j = 0; j < volume.geometry.size[1]; ++j)
      for (std::int64_t i = 0; i < volume.geometry.size[0]; ++i)
        values[at++] *= static_cast<float>(field_at(volume.geometry, i, j, k));
  return values;
}

/// Standard deviation over the head of log(value / true value): 0 when only a constant factor is between them.
double unevenness(const std::vector<float>& values, const io::Volume& truth, const Mask& head) {
  double n = 0, sum = 0, squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (head.values[i] == 0 || !(truth.values[i] > 0)) continue;
    const double log_ratio = std::log(static_cast<double>(values[i] / truth.values[i]));
    ++n, sum += log_ratio, squares += log_ratio * log_ratio;
  }
  return std::sqrt(squares / n - sum * sum / (n * n));
}

TEST(BiasCorrection, DividesAKnownFieldOut) {
  const io::Volume truth = drawn_head(centred_grid({80, 100, 50}, {2.2, 2.2, 3.5}), kT1);
  const Mask head = otsu_foreground(truth);
  io::Volume found = truth;
  found.values = shaded(truth);
  const double before = unevenness(found.values, truth, head);
  ASSERT_GT(before, 0.12);
  ASSERT_TRUE(correct_bias(found, otsu_foreground(found)));
  EXPECT_LT(unevenness(found.values, truth, head), 0.35 * before);
  for (const float v : found.values) ASSERT_TRUE(std::isfinite(v) && v >= 0);
}

/// What is known of a real scan is how its own correction changes once more shading is added: hardly.
TEST(BiasCorrection, ARealScanComesOutTheSameHoweverItWasShaded) {
  FOVEA_NEEDS_SHARED("data/mri/ms-patient07/t1.nii.gz");
  io::Volume plain = io::read_volume(test::shared_dir() / "data/mri/ms-patient07/t1.nii.gz"), more = plain;
  const Mask head = otsu_foreground(plain);
  more.values = shaded(plain);
  const double before = unevenness(more.values, plain, head);
  ASSERT_TRUE(correct_bias(plain, head));
  ASSERT_TRUE(correct_bias(more, head));
  EXPECT_LT(unevenness(more.values, plain, head), 0.3 * before);
}

TEST(BiasCorrection, IsTheSameEachTime) {
  io::Volume one = drawn_head(centred_grid({60, 72, 36}, {3, 3, 4.5}), kT2);
  one.values = shaded(one);
  io::Volume two = one;
  const Mask head = otsu_foreground(one);
  ASSERT_TRUE(correct_bias(one, head));
  ASSERT_TRUE(correct_bias(two, head));
  EXPECT_EQ(one.values, two.values);
}

TEST(BiasCorrection, WhatHasNoLogarithmStaysAsItIs) {
  io::Volume volume = drawn_head(centred_grid({40, 48, 20}, {4, 4, 8}), kT1);
  const Mask head = otsu_foreground(volume);
  for (std::size_t i = 0; i < volume.values.size(); i += 2) volume.values[i] -= 200;
  const std::vector<float> before = volume.values;
  EXPECT_FALSE(correct_bias(volume, head));
  EXPECT_EQ(volume.values, before);
  volume = drawn_head(volume.geometry, kT1);
  EXPECT_FALSE(correct_bias(volume, {volume.geometry.size, std::vector<std::uint8_t>(volume.values.size())}));
}

TEST(BiasCorrection, ASliceOnly) {
  io::Volume volume = drawn_head(centred_grid({90, 110, 1}, {2, 2, 5}), kT1);
  const std::vector<float> before = volume.values;
  const bool done = correct_bias(volume, otsu_foreground(volume));
  for (std::size_t i = 0; i < before.size(); ++i) ASSERT_TRUE(std::isfinite(volume.values[i])) << done;
}

}  // namespace
}  // namespace fovea::pipeline::mri
