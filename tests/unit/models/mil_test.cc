// MIL heads as properties: names, recognition, streaming, losses, training.
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/mil.h>
#include <fovea/models/train.h>

#include "attention_checks.h"

namespace {

using namespace fovea::models;
using fovea::attention::testing_tools::slope_at;

class EveryMil : public testing::TestWithParam<std::string> {
 protected:
  MilConfig config() const { return mil_model(GetParam()).completed({GetParam(), 24, 16, 8, 3, 3}); }
  std::unique_ptr<MilModel> make(std::uint64_t seed = 1) const {
    const MilRow& row = mil_model(GetParam());
    return row.make(config(), random_state(row.specs(config()), seed));
  }
};

/// Mean and max pooling have the same tensors; no two others.
TEST_P(EveryMil, IsRecognisedFromItsOwnNames) {
  const auto model = make();
  const bool shared = GetParam() == "mean_pooling" || GetParam() == "max_pooling";
  int recognised = 0;
  for (const MilRow& row : mil_models())
    if (const auto found = row.recognise(model->state())) {
      ++recognised;
      if (shared && row.name != GetParam()) continue;
      EXPECT_EQ(found->architecture, GetParam());
      EXPECT_EQ(found->features, config().features);
      EXPECT_EQ(found->inner, config().inner);
      EXPECT_EQ(found->attention, config().attention);
      EXPECT_EQ(found->branches, config().branches);
      EXPECT_EQ(found->classes, config().classes);
      EXPECT_EQ(found->heads, config().heads);
      EXPECT_EQ(checked_state(row.specs(*found), model->state(), "x").size(), model->state().size());
    }
  EXPECT_EQ(recognised, shared ? 2 : 1);
}

TEST_P(EveryMil, OneInstanceHasAllTheAttentionAndNothingIsNaN) {
  const auto model = make();
  at::manual_seed(8);
  const MilOutput output = model->forward(at::randn({1, 24}));
  EXPECT_EQ(output.bag_logits.sizes(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(output.bag_prob.sizes(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(output.attn_raw.numel(), config().branches * config().heads);
  EXPECT_TRUE(output.bag_logits.isfinite().all().item<bool>());
  EXPECT_TRUE(output.entropy.isfinite().all().item<bool>());
  EXPECT_LE((output.attn_softmax - 1).abs().max().item<double>(), 1e-6);
}

TEST_P(EveryMil, AttentionHasARowForEveryHeadOfEveryBranchAndSumsToOne) {
  const auto model = make();
  at::manual_seed(9);
  const MilOutput output = model->forward(at::randn({37, 24}));
  EXPECT_EQ(output.attn_raw.sizes(), output.attn_softmax.sizes());
  EXPECT_EQ(output.attn_raw.size(-1), 37);
  EXPECT_EQ(output.attn_raw.numel(), 37 * config().branches * config().heads);
  EXPECT_LE((output.attn_softmax.sum(-1) - 1).abs().max().item<double>(), 1e-5);
  if (GetParam() != "dsmil") {
    EXPECT_NEAR(output.bag_prob.sum().item<double>(), 1, 1e-6);
  }
}

TEST_P(EveryMil, AnEmptyBagIsRefused) {
  EXPECT_THROW(make()->forward(at::empty({0, 24})), fovea::Error);
  EXPECT_THROW(make()->stream()->finish(), fovea::Error);
}

TEST_P(EveryMil, ANaNInOneInstanceIsNotHidden) {
  const auto model = make();
  at::manual_seed(10);
  at::Tensor bag = at::randn({9, 24});
  bag[4].fill_(std::nan(""));
  EXPECT_FALSE(model->forward(bag).bag_logits.isfinite().all().item<bool>());
}

TEST_P(EveryMil, StridedFeaturesGiveTheSameAnswer) {
  const auto model = make();
  at::manual_seed(11);
  const at::Tensor wide = at::randn({33, 48}), strided = wide.slice(1, 0, 48, 2);
  const MilOutput a = model->forward(strided), b = model->forward(strided.contiguous());
  EXPECT_LE((a.bag_logits - b.bag_logits).abs().max().item<double>(), 1e-5);
}

/// The model in double precision: every parameter against central differences, at a few entries each.
TEST_P(EveryMil, GradientsAgreeWithFiniteDifferencesInDouble) {
  const MilRow& row = mil_model(GetParam());
  StateDict state = random_state(row.specs(config()), 3);
  for (auto& [name, tensor] : state) {
    tensor = tensor.to(at::kDouble);
    if (name == "q") tensor = tensor * 1e6;  // a query of its usual size would hide behind the tolerance
    tensor.set_requires_grad(true);
  }
  const auto model = row.make(config(), state);
  at::manual_seed(12);
  const at::Tensor bag = at::randn({13, 24}, at::kDouble), label = at::scalar_tensor(1, at::kLong);
  MilLossOptions options;
  options.aem_lambda = model->forward(bag).attn_raw.requires_grad() ? 0.3 : 0;
  options.subtyping = true;
  const auto value = [&] { return model->loss(model->forward(bag), label, options).total; };
  value().backward();
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : model->state()) {
    const at::Tensor gradient = tensor.grad().defined() ? tensor.grad().flatten() : at::zeros_like(tensor).flatten();
    for (const std::int64_t i : {std::int64_t{0}, tensor.numel() / 2, tensor.numel() - 1})
      EXPECT_NEAR(slope_at(tensor, i, value), gradient[i].item<double>(), 1e-6) << name << " entry " << i;
  }
}

TEST_P(EveryMil, StreamedInAnyPiecesEqualsTheStreamOfTheWholeBitForBit) {
  const auto model = make();
  at::manual_seed(2);
  const auto bag = at::randn({2300, 24});
  const at::NoGradGuard no_grad;
  auto whole = model->stream(), pieces = model->stream();
  whole->push(bag);
  for (std::int64_t i = 0; i < 2300; i += 23) pieces->push(bag.slice(0, i, i + 23));
  const MilOutput a = whole->finish(), b = pieces->finish(), direct = model->forward(bag);
  EXPECT_TRUE(at::equal(a.bag_logits, b.bag_logits));
  EXPECT_TRUE(at::equal(a.attn_raw, b.attn_raw));
  EXPECT_LE((a.bag_logits - direct.bag_logits).abs().max().item<double>(), 1e-5);
}

TEST_P(EveryMil, PredictionDoesNotDependOnTheOrderOfInstances) {
  if (GetParam() == "transmil" || mil_model(GetParam()).places)
    GTEST_SKIP() << "the bag is folded to a square: its order is part of the input";
  const auto model = make();
  at::manual_seed(3);
  const auto bag = at::randn({200, 24});
  EXPECT_LE((model->forward(bag).bag_logits - model->forward(bag.flip(0)).bag_logits).abs().max().item<double>(), 1e-5);
}

TEST_P(EveryMil, ABagOfAnotherWidthIsRefused) {
  EXPECT_THROW(make()->forward(at::randn({5, 23})), fovea::Error);
  EXPECT_THROW(make()->stream()->push(at::randn({5, 23})), fovea::Error);
}

TEST_P(EveryMil, LearnsToFindOneInstanceOfAKind) {
  if (GetParam() == "mean_pooling") GTEST_SKIP() << "what it cannot do is why the others exist";
  const auto model = make(5);
  at::manual_seed(6);
  std::vector<at::Tensor> bags;
  for (int i = 0; i < 30; ++i) {
    bags.push_back(at::randn({20, 24}) * 0.3);
    if (i % 3) bags.back()[i % 20][i % 3] += 6;
  }
  std::vector<double> losses;
  train_mil(
      *model, 30, [&](std::int64_t i) { return std::pair(bags[static_cast<std::size_t>(i)], i % 3); },
      {.epochs = GetParam() == "transmil" ? 15 : 40, .learning_rate = 3e-3},
      [&](const EpochReport& report) {
        losses.push_back(report.loss);
        return true;
      });
  EXPECT_LT(losses.back(), 0.5 * losses.front());
  int right = 0;
  for (int i = 0; i < 30; ++i)
    right += model->forward(bags[static_cast<std::size_t>(i)]).bag_logits.argmax().item<std::int64_t>() == i % 3;
  EXPECT_GE(right, 27);
  for (const auto& [name, tensor] : model->state()) EXPECT_FALSE(tensor.requires_grad()) << name;
}

INSTANTIATE_TEST_SUITE_P(All, EveryMil, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const MilRow& row : mil_models()) names.emplace_back(row.name);
                           return names;
                         }()),
                         [](const auto& info) { return info.param; });

TEST(MilLoss, DiversityOfEqualBranchesIsOneAndOfDisjointOnesZero) {
  MilOutput output;
  output.bag_logits = at::zeros({1, 2});
  output.branch_logits = at::zeros({2, 2});
  output.entropy = at::zeros({2});
  output.attn_softmax = at::ones({2, 4}) / 4;
  EXPECT_NEAR(mil_loss(output, at::scalar_tensor(0, at::kLong)).diversity.item<double>(), 1, 1e-6);
  output.attn_softmax = at::eye(2, 4);
  EXPECT_NEAR(mil_loss(output, at::scalar_tensor(0, at::kLong)).diversity.item<double>(), 0, 1e-6);
  EXPECT_NEAR(mil_loss(output, at::scalar_tensor(0, at::kLong)).bag.item<double>(), std::log(2.0), 1e-6);
}

TEST(State, EveryWrongNameIsListedAtOnce) {
  const std::vector<TensorSpec> specs{{"a", {2, 2}}, {"b", {3}}, {"c", {1}}};
  try {
    checked_state(specs, {{"a", at::zeros({2, 3})}, {"b", at::zeros({3})}, {"z", at::zeros({1})}}, "file.pt");
    FAIL();
  } catch (const fovea::Error& error) {
    const std::string what = error.what();
    for (const char* part : {"file.pt", "1 missing: c", "1 unexpected: z", "a is [2, 3] but should be [2, 2]"})
      EXPECT_NE(what.find(part), std::string::npos) << part;
  }
}

TEST(State, ASeedGivesTheSameStartWhateverTheOrder) {
  const std::vector<TensorSpec> one{{"a", {4, 4}}, {"b", {4}}}, two{{"b", {4}}, {"a", {4, 4}}};
  EXPECT_TRUE(at::equal(random_state(one, 7)["a"], random_state(two, 7)["a"]));
  EXPECT_FALSE(at::equal(random_state(one, 7)["a"], random_state(one, 8)["a"]));
}

}  // namespace
