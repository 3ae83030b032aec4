// Foreground Dice, deep supervision, and the trainer that uses them.
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
#include <fovea/models/train.h>

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

// ---- training ----

const SegConfig kTiny{"agunet", 2, 1, 2, {4, 8}, false, false, true};

std::unique_ptr<SegNetwork> tiny_network() {
  const SegRow& row = seg_model("agunet");
  return row.make(kTiny, random_state(row.specs(kTiny), 3));
}

/// A bright disc on noise; the label is the disc.
std::pair<at::Tensor, at::Tensor> disc(std::int64_t index, std::int64_t) {
  const at::Tensor axis = at::arange(16, at::kFloat);
  const double cx = 4 + static_cast<double>(index % 5) * 2, cy = 4 + static_cast<double>(index % 3) * 4;
  const at::Tensor inside = ((axis - cx).square().unsqueeze(1) + (axis - cy).square()).lt(9);
  const at::Tensor image = inside.to(at::kFloat) + random({16, 16}, static_cast<std::uint64_t>(index)) * 0.8;
  return {image.unsqueeze(0), inside.to(at::kLong)};
}

TrainOptions quick_options() {
  return {.epochs = 12, .learning_rate = 2e-2, .batch = 4, .seed = 5};
}

TEST(TrainSegmentation, LearnsToOutlineABrightDisc) {
  const auto network = tiny_network();
  std::vector<EpochReport> reports;
  train_segmentation(*network, 16, disc, quick_options(), [&](const EpochReport& report) {
    reports.push_back(report);
    return true;
  });
  ASSERT_EQ(reports.size(), 12U);
  EXPECT_LT(reports.back().loss, 0.4 * reports.front().loss);
  EXPECT_EQ(reports.back().epoch, 11);
  EXPECT_LT(reports.back().learning_rate, 0.05 * reports.front().learning_rate) << "half-cosine to 0";
  const auto [image, label] = disc(102, 0);
  const SegOutput output = network->forward(at::stack({image, image}), true);
  const double dice = foreground_dice_loss(at::softmax(output.heads[0], 1), at::stack({label, label})).item<double>();
  EXPECT_LT(dice, 0.25) << "on a disc it has not seen";
}

TEST(TrainSegmentation, TheSameSeedGivesTheSameWeights) {
  TrainOptions options = quick_options();
  options.epochs = 2;
  const auto first = tiny_network(), second = tiny_network();
  train_segmentation(*first, 6, disc, options, {});
  train_segmentation(*second, 6, disc, options, {});
  for (const auto& [name, tensor] : first->state()) {
    EXPECT_LE((tensor - second->state().at(name)).abs().max().item<double>(), 1e-6) << name;
  }
  options.seed = 6;
  const auto third = tiny_network();
  train_segmentation(*third, 6, disc, options, {});
  EXPECT_FALSE(third->state().at("head0.weight").equal(first->state().at("head0.weight")));
}

TEST(TrainSegmentation, StopsWhenTheSinkSaysSoAndLeavesNoGradientsBehind) {
  const auto network = tiny_network();
  int epochs = 0;
  train_segmentation(*network, 2, disc, quick_options(), [&](const EpochReport&) { return ++epochs < 2; });
  EXPECT_EQ(epochs, 2);
  for (const auto& [name, tensor] : network->state()) {
    EXPECT_FALSE(tensor.requires_grad()) << name;
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }
}

TEST(TrainSegmentation, OneCycleWarmsUpAndEndsNearZero) {
  const auto network = tiny_network();
  TrainOptions options = quick_options();
  options.schedule = TrainOptions::Schedule::kOneCycle, options.epochs = 10, options.batch = 2;
  std::vector<double> rates;
  train_segmentation(*network, 2, disc, options, [&](const EpochReport& report) {
    rates.push_back(report.learning_rate);
    return true;
  });
  EXPECT_NEAR(rates.front(), options.learning_rate / 25, 1e-9);
  EXPECT_NEAR(rates[3], options.learning_rate, 1e-9) << "the peak after 30 %";
  EXPECT_LT(rates.back(), 0.1 * options.learning_rate);
}

TEST(TrainSegmentation, RefusesMixedSizesNoSamplesAndNaN) {
  const auto network = tiny_network();
  const TrainOptions options = quick_options();
  const auto mixed = [](std::int64_t index, std::int64_t) {
    const std::int64_t size = 8 + 8 * (index % 2);
    return std::pair(at::zeros({1, size, size}), at::zeros({size, size}, at::kLong));
  };
  const auto poisoned = [](std::int64_t, std::int64_t) {
    return std::pair(at::zeros({1, 8, 8}) + std::nan(""), at::zeros({8, 8}, at::kLong));
  };
  EXPECT_EQ(code_of([&] { train_segmentation(*network, 4, mixed, options, {}); }), ErrorCode::kShape);
  EXPECT_EQ(code_of([&] { train_segmentation(*network, 0, disc, options, {}); }), ErrorCode::kUsage);
  EXPECT_EQ(code_of([&] { train_segmentation(*network, 4, poisoned, options, {}); }), ErrorCode::kUsage);
  EXPECT_FALSE(network->state().at("head0.weight").requires_grad()) << "also after a failure";
}

}  // namespace
}  // namespace fovea::models
