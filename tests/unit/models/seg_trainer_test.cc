// The trainer of segmentation networks: it learns, repeats itself, goes on where it stopped, and leaves nothing behind.
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/train_segmentation.h>

namespace fovea::models {
namespace {

at::Tensor random(at::IntArrayRef shape, std::uint64_t seed) {
  return at::rand(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::kFloat);
}

const SegConfig kTiny{"agunet", 2, 1, 2, {4, 8}, false, false, true};

std::unique_ptr<SegNetwork> tiny_network(double dropout = 0) {
  SegConfig config = kTiny;
  config.dropout = dropout;
  const SegRow& row = seg_model("agunet");
  return row.make(config, random_state(row.specs(config), 3));
}

struct Sample {
  at::Tensor image, label;
};

/// Bright discs on noise; the labels are the discs.
Sample discs(std::int64_t first, std::int64_t count) {
  std::vector<at::Tensor> images, labels;
  const at::Tensor axis = at::arange(16, at::kFloat);
  for (std::int64_t index = first; index < first + count; ++index) {
    const double cx = 4 + static_cast<double>(index % 5) * 2, cy = 4 + static_cast<double>(index % 3) * 4;
    const at::Tensor inside = ((axis - cx).square().unsqueeze(1) + (axis - cy).square()).lt(9);
    const at::Tensor image = inside.to(at::kFloat) + random({16, 16}, static_cast<std::uint64_t>(index)) * 0.8;
    images.push_back(image.unsqueeze(0)), labels.push_back(inside.to(at::kLong));
  }
  return {at::stack(images), at::stack(labels)};
}

SegTraining quick() {
  SegTraining training;
  training.rates.learning_rate = 2e-2, training.rates.seed = 5, training.loss.cross_entropy = 1;
  return training;
}

double trained(SegTrainer& trainer, std::int64_t from, std::int64_t to) {
  double loss = 0;
  for (std::int64_t step = from; step < to; ++step) {
    const Sample batch = discs(4 * (step % 4), 4);
    loss = trainer.step(batch.image, batch.label);
  }
  return loss;
}

double largest_difference(const StateDict& a, const StateDict& b) {
  double largest = 0;
  for (const auto& [name, tensor] : a) largest = std::max(largest, (tensor - b.at(name)).abs().max().item<double>());
  return largest;
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

double dice_loss(const SegNetwork& network, const Sample& sample) {
  const at::Tensor p = at::softmax(network.forward(sample.image, false).heads[0], 1);
  return foreground_dice_loss(p, sample.label).item<double>();
}

TEST(SegTrainer, LearnsToOutlineABrightDisc) {
  const auto network = tiny_network();
  SegTrainer trainer(*network, quick(), 60);
  const double first = trained(trainer, 0, 1);
  EXPECT_LT(trained(trainer, 1, 60), 0.4 * first);
  EXPECT_LT(trainer.learning_rate(), 0.05 * 2e-2) << "half-cosine to 0";
  const Sample unseen = discs(102, 2);
  const at::Tensor p = at::softmax(network->forward(unseen.image, true).heads[0], 1);
  EXPECT_LT(foreground_dice_loss(p, unseen.label).item<double>(), 0.25);
}

/// thrombus.md 7: one case with a target of a few voxels in noise, by the network's own loss.
TEST(SegTrainer, TheRecurrentNetworkLearnsOneCaseByHeartInLessThan200Steps) {
  SegConfig config{.architecture = "upattllstm", .channels = 2, .filters = {8, 16, 16}};
  const SegRow& row = seg_model("upattllstm");
  const auto network = row.make(config, random_state(row.specs(config), 1));
  at::Tensor label = at::zeros({1, 16, 16, 5}, at::kLong);
  label.narrow(1, 5, 4).narrow(2, 8, 3).narrow(3, 1, 3).fill_(1);
  at::Tensor image = random({1, 2, 16, 16, 5}, 9);
  image.select(1, 1).add_(label.to(at::kFloat), 1.5);
  SegTraining training;
  training.rates.learning_rate = 5e-3, training.loss.thrombus = true, training.clip = 1;
  constexpr std::int64_t kSteps = 180;
  SegTrainer trainer(*network, training, kSteps);
  for (std::int64_t step = 0; step < kSteps; ++step) trainer.step(image, label);
  const at::Tensor p = network->infer(image)[0][1].ge(0.5), t = label[0].eq(1);
  const double both = p.logical_and(t).sum().item<double>();
  EXPECT_GT(2 * both / (p.sum().item<double>() + t.sum().item<double>()), 0.95);
}

TEST(SegTrainer, TheSameSeedGivesTheSameWeights) {
  const auto first = tiny_network(0.3), second = tiny_network(0.3), third = tiny_network(0.3);
  SegTraining training = quick();
  const auto run = [&](SegNetwork& network) {
    SegTrainer trainer(network, training, 6);
    trained(trainer, 0, 6);
  };
  run(*first), run(*second);
  EXPECT_LE(largest_difference(first->state(), second->state()), 1e-6);
  training.rates.seed = 6;
  run(*third);
  EXPECT_GT(largest_difference(first->state(), third->state()), 1e-4) << "dropout draws by the seed";
}

TEST(SegTrainer, GoesOnInTheMiddleOfAnUpdate) {
  SegTraining training = quick();
  training.accumulate = 4, training.clip = 0.5, training.average = 0.9;
  const auto whole = tiny_network(0.3), begun = tiny_network(0.3);
  SegTrainer uninterrupted(*whole, training, 12);
  trained(uninterrupted, 0, 12);
  StateDict weights, saved;
  {
    SegTrainer trainer(*begun, training, 12);
    trained(trainer, 0, 6);
    for (const auto& [name, tensor] : begun->state()) weights.emplace(name, tensor.detach().clone());
    saved = trainer.saved();
  }
  const auto resumed = seg_model("agunet").make(begun->config(), weights);
  SegTrainer trainer(*resumed, training, 12);
  trainer.restore(saved);
  trained(trainer, 6, 12);
  EXPECT_EQ(largest_difference(whole->state(), resumed->state()), 0);
  EXPECT_EQ(largest_difference(uninterrupted.kept(), trainer.kept()), 0);
}

TEST(SegTrainer, AccumulatedBatchesMoveTheWeightsAsOneBatchDoes) {
  SegTraining training = quick();
  training.rates.schedule = TrainOptions::Schedule::kConstant;
  // Without batch statistics a batch of four is four batches of one. Cross-entropy is a mean over voxels; Dice is not.
  training.loss = {.dice = 0, .cross_entropy = 1};
  SegConfig config = kTiny;
  config.norm = SegNorm::kGroup;
  const SegRow& row = seg_model("agunet");
  const auto one = row.make(config, random_state(row.specs(config), 3)),
             four = row.make(config, random_state(row.specs(config), 3));
  const Sample batch = discs(0, 4);
  SegTrainer at_once(*one, training, 1);
  at_once.step(batch.image, batch.label);
  training.accumulate = 4;
  SegTrainer trainer(*four, training, 4);
  for (std::int64_t i = 0; i < 4; ++i) trainer.step(batch.image.narrow(0, i, 1), batch.label.narrow(0, i, 1));
  // The first moments are a tenth of the gradients; the weights move by their signs, also where they are rounding.
  const StateDict a = at_once.saved(), b = trainer.saved();
  for (const auto& [name, tensor] : a)
    if (name.rfind("mean.", 0) == 0) {
      EXPECT_LT((tensor - b.at(name)).abs().max().item<double>(), 1e-6) << name;
    }
}

TEST(SegTrainer, TheAverageFollowsTheWeights) {
  SegTraining training = quick();
  training.average = 0.95;
  const auto network = tiny_network();
  SegTrainer trainer(*network, training, 120);
  trained(trainer, 0, 120);
  const auto averaged = seg_model("agunet").make(network->config(), trainer.kept());
  EXPECT_GT(largest_difference(averaged->state(), network->state()), 0);
  EXPECT_LT(dice_loss(*averaged, discs(102, 2)), 0.25);
}

TEST(SegTrainer, LeavesNoGradientsBehind) {
  const auto network = tiny_network();
  {
    SegTrainer trainer(*network, quick(), 2);
    trained(trainer, 0, 2);
  }
  for (const auto& [name, tensor] : network->state()) {
    EXPECT_FALSE(tensor.requires_grad()) << name;
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }
}

TEST(SegTrainer, OneCycleWarmsUpAndEndsNearZero) {
  const auto network = tiny_network();
  SegTraining training = quick();
  training.rates.schedule = TrainOptions::Schedule::kOneCycle;
  SegTrainer trainer(*network, training, 10);
  std::vector<double> rates;
  for (std::int64_t step = 0; step < 10; ++step) {
    trained(trainer, step, step + 1);
    rates.push_back(trainer.learning_rate());
  }
  EXPECT_NEAR(rates.front(), 2e-2 / 25, 1e-9);
  EXPECT_NEAR(rates[3], 2e-2, 1e-9) << "the peak after 30 %";
  EXPECT_LT(rates.back(), 0.1 * 2e-2);
}

TEST(SegTrainer, RefusesNoStepsAndNaN) {
  const auto network = tiny_network();
  EXPECT_EQ(code_of([&] { SegTrainer(*network, quick(), 0); }), ErrorCode::kUsage);
  SegTraining training = quick();
  training.average = 1;
  EXPECT_EQ(code_of([&] { SegTrainer(*network, training, 1); }), ErrorCode::kUsage);
  EXPECT_EQ(
      code_of([&] {
        SegTrainer(*network, quick(), 1).step(at::zeros({1, 1, 8, 8}) + std::nan(""), at::zeros({1, 8, 8}, at::kLong));
      }),
      ErrorCode::kUsage);
  EXPECT_FALSE(network->state().at("head0.weight").requires_grad()) << "also after a failure";
}

}  // namespace
}  // namespace fovea::models
