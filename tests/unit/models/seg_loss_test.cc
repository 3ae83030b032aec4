// Foreground Dice, deep supervision and the other terms of the training loss.
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>
#include <fovea/models/train_segmentation.h>

namespace fovea::models {
namespace {

at::Tensor two_classes(const at::Tensor& foreground) {
  return at::stack({1 - foreground, foreground}, 1);
}

at::Tensor random(at::IntArrayRef shape, std::uint64_t seed) {
  return at::rand(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::kFloat);
}

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no fovea::Error was thrown";
  return ErrorCode::kInternal;
}

TEST(ForegroundDice, EqualsItsFormulaOnNumbersDoneByHand) {
  const at::Tensor p = at::tensor({0.5F, 1.F, 0.F, 0.F}).view({1, 4});
  const at::Tensor label = at::tensor({1L, 1L, 1L, 0L}).view({1, 4});
  // 1 - (2 * 1.5 + 1) / (1.25 + 3 + 1)
  EXPECT_NEAR(foreground_dice_loss(two_classes(p), label).item<double>(), 1 - 4 / 5.25, 1e-6);
}

TEST(ForegroundDice, IsZeroWithoutTumourAndWithoutPredictionAndNearOneWhenAllIsMissed) {
  const at::Tensor nothing = at::zeros({2, 10, 10}), label = at::zeros({2, 10, 10}, at::kLong);
  EXPECT_NEAR(foreground_dice_loss(two_classes(nothing), label).item<double>(), 0, 1e-7);
  EXPECT_GT(foreground_dice_loss(two_classes(nothing), label + 1).item<double>(), 0.99);
}

TEST(ForegroundDice, IgnoresTheBackgroundThatMadeThePublishedLossVanish) {
  at::Tensor label = at::zeros({1, 100, 100}, at::kLong);
  label[0][3][3] = 1;
  at::Tensor p = at::zeros({1, 100, 100});
  p[0][3][3] = 0.01F;
  p.requires_grad_(true);
  const at::Tensor loss = foreground_dice_loss(two_classes(p), label);
  EXPECT_GT(loss.item<double>(), 0.4);
  loss.backward();
  EXPECT_LT(p.grad()[0][3][3].item<double>(), -0.5) << "the one tumour voxel still pulls";
}

TEST(ForegroundDice, IsTheMeanOverForegroundClasses) {
  const at::Tensor p = at::softmax(random({2, 3, 4, 4}, 1) * 4, 1);
  const at::Tensor label = (random({2, 4, 4}, 2) * 3).floor().to(at::kLong);
  double sum = 0;
  for (const std::int64_t c : {1, 2}) {
    const at::Tensor t = label.eq(c).to(at::kFloat), q = p.select(1, c);
    sum += 1 - ((2 * (q * t).sum() + 1) / ((q * q).sum() + (t * t).sum() + 1)).item<double>();
  }
  EXPECT_NEAR(foreground_dice_loss(p, label).item<double>(), sum / 2, 1e-6);
}

TEST(ForegroundDice, RefusesLabelsOffTheGridOrOutsideTheClasses) {
  const at::Tensor p = two_classes(at::zeros({1, 4, 4}));
  EXPECT_EQ(code_of([&] { foreground_dice_loss(p, at::zeros({1, 4, 5}, at::kLong)); }), ErrorCode::kShape);
  EXPECT_EQ(code_of([&] { foreground_dice_loss(p, at::zeros({1, 4, 4}, at::kFloat)); }), ErrorCode::kShape);
  EXPECT_EQ(code_of([&] { foreground_dice_loss(p, at::zeros({1, 4, 4}, at::kLong) + 2); }), ErrorCode::kShape);
  EXPECT_EQ(code_of([&] { foreground_dice_loss(p, at::zeros({1, 4, 4}, at::kLong) - 1); }), ErrorCode::kShape);
}

TEST(DeepSupervision, SumsOverHeadsWithTargetsTakenFromIndexZeroWithTheirStride) {
  SegOutput output;
  output.heads = {random({1, 2, 8, 4}, 1), random({1, 2, 4, 2}, 2), random({1, 2, 2, 1}, 3)};
  const at::Tensor label = random({1, 8, 4}, 4).gt(0.5).to(at::kLong);
  double dice = 0, entropy = 0;
  for (std::size_t level = 0; level < 3; ++level) {
    const std::int64_t stride = std::int64_t{1} << level;
    at::Tensor target = at::zeros({1, 8 / stride, 4 / stride}, at::kLong);
    for (std::int64_t x = 0; x < target.size(1); ++x) {
      for (std::int64_t y = 0; y < target.size(2); ++y) target[0][x][y] = label[0][x * stride][y * stride];
    }
    dice += foreground_dice_loss(at::softmax(output.heads[level], 1), target).item<double>();
    entropy += at::cross_entropy_loss(output.heads[level], target).item<double>();
  }
  EXPECT_NEAR(deep_supervision_loss(output, label).item<double>(), dice, 1e-6);
  EXPECT_NEAR(deep_supervision_loss(output, label, true).item<double>(), dice + entropy, 1e-5);
}

TEST(SegmentationLoss, HalvedHeadsAndTverskyAddUpToTheirParts) {
  SegOutput output;
  output.heads = {random({1, 2, 8, 8}, 1), random({1, 2, 4, 4}, 2)};
  at::Tensor label = at::zeros({1, 8, 8}, at::kLong);
  label[0][3][5] = 1;
  SegOutput first, second;
  first.heads = {output.heads[0]}, second.heads = {output.heads[1]};
  const at::Tensor coarse = at::zeros({1, 4, 4}, at::kLong);
  coarse[0][1][2].fill_(1);
  const SegLoss one{.dice = 0, .tversky = 2};
  const double expected =
      segmentation_loss(first, label, one).item<double>() + 0.5 * segmentation_loss(second, coarse, one).item<double>();
  const SegLoss both{.dice = 0, .tversky = 2, .halved = true, .largest = true};
  EXPECT_NEAR(segmentation_loss(output, label, both).item<double>(), expected, 1e-6)
      << "the largest label of each pair: a voxel at odd indices survives";
  const double tversky =
      focal_tversky_loss(at::softmax(output.heads[0], 1).select(1, 1), label.to(at::kFloat)).item<double>();
  EXPECT_NEAR(segmentation_loss(first, label, one).item<double>(), 2 * tversky, 1e-6);
}

TEST(SegmentationLoss, TheAuthorsSubsamplingLosesAVoxelAtOddIndices) {
  SegOutput output;
  output.heads = {random({1, 2, 4, 4}, 1), random({1, 2, 2, 2}, 2)};
  at::Tensor label = at::zeros({1, 4, 4}, at::kLong);
  label[0][3][1] = 1;
  SegOutput coarse;
  coarse.heads = {output.heads[1]};
  SegOutput fine;
  fine.heads = {output.heads[0]};
  EXPECT_NEAR(segmentation_loss(output, label, {}).item<double>(),
              segmentation_loss(fine, label, {}).item<double>() +
                  segmentation_loss(coarse, at::zeros({1, 2, 2}, at::kLong), {}).item<double>(),
              1e-6);
}

}  // namespace
}  // namespace fovea::models
