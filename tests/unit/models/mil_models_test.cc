// What is particular to single MIL networks and their training options.
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/mil.h>
#include <fovea/models/train.h>

namespace {

using namespace fovea::models;

std::unique_ptr<MilModel> make(const std::string& name, std::int64_t classes = 3, const std::string& variant = "") {
  const MilRow& row = mil_model(name);
  MilConfig config = row.completed({name, 24, 16, 8, 3, classes});
  config.variant = variant;
  return row.make(config, random_state(row.specs(config), 4));
}

at::Tensor bag_of(std::int64_t n) {
  at::manual_seed(21);
  return at::randn({n, 24});
}

at::Tensor label_of(std::int64_t index) {
  return at::scalar_tensor(index, at::kLong);
}

TEST(Clam, EveryPublishedNamingIsRecognisedAsItself) {
  for (const std::string name : {"clam_sb", "clam_mb"})
    for (const std::string variant : {"", "2", "3.module.3", "3.module.2", "2.module.3", "2.module.2"}) {
      const auto model = make(name, 3, variant);
      const auto found = mil_model(name).recognise(model->state());
      ASSERT_TRUE(found) << variant;
      EXPECT_EQ(found->variant, variant);
      EXPECT_TRUE(model->forward(bag_of(5)).bag_logits.isfinite().all().item<bool>());
      const bool gated = variant.find("module") == std::string::npos;
      std::size_t sigmoids = 0;
      for (const auto& [tensor, value] : model->state()) sigmoids += tensor.find("attention_b") != std::string::npos;
      EXPECT_EQ(sigmoids, gated ? 2u : 0u);
    }
}

TEST(Clam, ABagSmallerThanTheSampleUsesAllItsRowsOnBothSides) {
  const auto model = make("clam_sb");
  const MilLoss loss = model->loss(model->forward(bag_of(3)), label_of(1));
  EXPECT_TRUE(at::equal(loss.instance_targets, at::tensor({1, 1, 1, 0, 0, 0}, at::kLong)));
  EXPECT_TRUE(loss.total.isfinite().item<bool>());
  EXPECT_NEAR(loss.total.item<double>(), 0.7 * loss.bag.item<double>() + 0.3 * loss.instance.item<double>(), 1e-6);
}

TEST(Clam, WithSubtypingTheOtherClassesLearnThatTheirEvidenceIsAbsent) {
  const auto model = make("clam_mb");
  MilLossOptions options;
  options.subtyping = true;
  options.instance_samples = 2;
  const MilLoss loss = model->loss(model->forward(bag_of(9)), label_of(1), options);
  EXPECT_TRUE(at::equal(loss.instance_targets, at::tensor({0, 0, 1, 1, 0, 0, 0, 0}, at::kLong)));
}

/// Logit c hears class c's attention alone: moving another class's scores leaves it where it is.
TEST(Clam, OfTheMultiBranchFormEachClassHasItsOwnAttention) {
  const auto model = make("clam_mb");
  const at::Tensor bag = bag_of(9), before = model->forward(bag).bag_logits.clone();
  const at::NoGradGuard no_grad;
  model->state().at("attention_net.3.attention_c.weight")[0].mul_(-3);
  const at::Tensor moved = (model->forward(bag).bag_logits - before).abs();
  EXPECT_GT(moved[0][0].item<double>(), 1e-5);
  EXPECT_EQ(moved.slice(1, 1).max().item<double>(), 0);
}

TEST(Dsmil, PassingValuesIsAFormOfItsOwn) {
  const auto model = make("dsmil", 2, "passing_v");
  EXPECT_EQ(model->state().count("b_classifier.v.1.weight"), 1u);
  const auto found = mil_model("dsmil").recognise(model->state());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->variant, "passing_v");
  EXPECT_FALSE(mil_model("dsmil_linear").recognise(model->state()));
}

TEST(Dsmil, TheCriticalInstanceIsEachClasssStrongest) {
  const auto model = make("dsmil");
  const MilOutput output = model->forward(bag_of(11));
  EXPECT_TRUE(at::equal(output.max_logits.flatten(), output.instance_logits.amax(0)));
}

/// One positive class: index 1 is its presence. Several: index C is none of them.
TEST(Dsmil, AClassIndexMeansPresenceAsTheOfficialTrainerHasIt) {
  const auto one = make("dsmil", 1), two = make("dsmil", 2);
  const MilOutput single = one->forward(bag_of(6)), several = two->forward(bag_of(6));
  const auto same = [](const MilModel& model, const MilOutput& output, std::int64_t index, const at::Tensor& present) {
    return at::equal(model.loss(output, label_of(index)).bag, model.loss(output, present).bag);
  };
  EXPECT_TRUE(same(*one, single, 1, at::tensor({1.0f}).reshape({1, 1})));
  EXPECT_TRUE(same(*one, single, 0, at::tensor({0.0f}).reshape({1, 1})));
  EXPECT_TRUE(same(*two, several, 1, at::tensor({0.0f, 1.0f}).reshape({1, 2})));
  EXPECT_TRUE(same(*two, several, 2, at::tensor({0.0f, 0.0f}).reshape({1, 2})));
  EXPECT_THROW(make("dsmil_linear")->loss(single, at::ones({1, 3})), fovea::Error);
}

TEST(TransMil, BagsThatFillNoSquareAreFoldedAndMapsStayOnTheirInstances) {
  const auto model = make("transmil");
  for (const std::int64_t n : {1, 2, 3, 4, 5, 10, 26}) {
    const MilOutput output = model->forward(bag_of(n));
    EXPECT_EQ(output.attn_softmax.sizes(), (std::vector<std::int64_t>{8, 1, n}));
    EXPECT_GE(output.attn_softmax.min().item<double>(), 0);
    EXPECT_TRUE(output.bag_logits.isfinite().all().item<bool>()) << n;
  }
}

TEST(Mil, WidthsThatHeadsDoNotDivideAreRefused) {
  for (const std::string name : {"mha", "acmil_mha", "transmil"})
    EXPECT_THROW(mil_model(name).completed({name, 24, 20, 8, 1, 2}), fovea::Error) << name;
  EXPECT_THROW(mil_model("abmil").completed({"abmil", 0, 20, 8, 1, 2}), fovea::Error);
}

TEST(Mil, DefaultsAreThePublishedWidths) {
  const auto completed = [](const std::string& name) { return mil_model(name).completed({name, 1024, 0, 0, 0, 2}); };
  EXPECT_EQ(completed("acmil_ga").inner, 512);
  EXPECT_EQ(completed("acmil_ga").branches, 5);
  EXPECT_EQ(completed("acmil_mha").branches, 5);
  EXPECT_EQ(completed("abmil").attention, 128);
  EXPECT_EQ(completed("clam_mb").attention, 256);
  EXPECT_EQ(completed("clam_mb").branches, 2);
  EXPECT_EQ(completed("dsmil").attention, 128);
  EXPECT_EQ(completed("transmil").inner, 512);
}

// --- what a training step does

TEST(MilStep, MaskingTakesScoresFromEveryAttentionModelAndIsRefusedByTheOthers) {
  const at::Tensor bag = bag_of(20);
  MilStep step;
  step.stkim = {4, 0.5}, step.seed = 7;
  for (const MilRow& row : mil_models()) {
    const auto model = make(std::string(row.name));
    const bool scores = row.name != "transmil" && row.name != "mean_pooling" && row.name != "max_pooling";
    if (!scores) {
      EXPECT_THROW(model->forward(bag, step), fovea::Error) << row.name;
      continue;
    }
    const MilOutput output = model->forward(bag, step);
    const at::Tensor masked = output.attn_raw.eq(-1e9);
    EXPECT_TRUE(masked.sum(-1).eq(2).all().item<bool>()) << row.name;
    EXPECT_EQ(output.attn_softmax.masked_select(masked).max().item<double>(), 0) << row.name;
    EXPECT_TRUE(at::equal(model->forward(bag, step).bag_logits, output.bag_logits)) << row.name;
    const MilOutput replayed = model->forward(bag, {masked});
    EXPECT_LE((replayed.bag_logits - output.bag_logits).abs().max().item<double>(), 1e-6) << row.name;
  }
}

TEST(MilStep, DropoutIsFixedByTheSeedAndOnlyWhereTheNetworkHasIt) {
  const at::Tensor bag = bag_of(20);
  MilStep first, second;
  first.dropout = second.dropout = 0.5, first.seed = 1, second.seed = 2;
  for (const std::string name : {"clam_sb", "mha", "acmil_mha", "transmil", "mean_pooling", "max_pooling"}) {
    const auto model = make(name);
    const at::Tensor a = model->forward(bag, first).bag_logits;
    EXPECT_TRUE(at::equal(a, model->forward(bag, first).bag_logits)) << name;
    EXPECT_FALSE(at::equal(a, model->forward(bag, second).bag_logits)) << name;
  }
}

TEST(MilTerms, EntropyOfTheStrongestAndItsRefusalWhereNothingWouldLearn) {
  const auto model = make("acmil_mha");
  MilLossOptions options;
  options.aem_lambda = 0.5, options.entropy.top_k = 4;
  const MilOutput output = model->forward(bag_of(20));
  const MilLoss loss = model->loss(output, label_of(0), options);
  EXPECT_GE(loss.neg_entropy.item<double>(), -std::log(4.0) - 1e-6);
  EXPECT_NEAR(loss.total.item<double>(),
              (loss.bag + loss.branch + loss.diversity + 0.5 * loss.neg_entropy).item<double>(), 1e-6);
  const auto pooling = make("mean_pooling");
  pooling->state().at("head.3.bias").requires_grad_(true);
  EXPECT_THROW(pooling->loss(pooling->forward(bag_of(20)), label_of(0), options), fovea::Error);
}

/// Diversity can be asked of any attention: between classes of CLAM-MB, between heads of a single query.
TEST(MilTerms, DiversityIsAvailableToEveryAttentionModel) {
  for (const std::string name : {"clam_mb", "mha", "dsmil"}) {
    const auto model = make(name);
    MilLossOptions options;
    const MilOutput output = model->forward(bag_of(20));
    EXPECT_EQ(model->loss(output, label_of(0), options).diversity.item<double>(), 0) << name;
    options.diversity = 2;
    const MilLoss loss = model->loss(output, label_of(0), options);
    EXPECT_GT(loss.diversity.item<double>(), 0.01) << name;
    EXPECT_NEAR((loss.total - model->loss(output, label_of(0), {}).total).item<double>(),
                2 * loss.diversity.item<double>(), 1e-6)
        << name;
  }
}

TrainOptions training(const MilRecipe& recipe) {
  TrainOptions options;
  options.epochs = 1, options.learning_rate = 1e-2, options.mil = recipe;
  return options;
}

at::Tensor weight_after(const MilRecipe& recipe, int steps) {
  const auto model = make("abmil");
  MilTrainer trainer(*model, training(recipe), 8);
  for (int i = 0; i < steps; ++i) trainer.step(bag_of(30), label_of(i % 3));
  return model->state().at("classifier.fc.weight").detach().clone();
}

TEST(MilTrainer, UpdatesWaitForAllBagsOfAnAccumulation) {
  MilRecipe recipe;
  recipe.accumulate = 2;
  EXPECT_TRUE(at::equal(weight_after(recipe, 1), weight_after({}, 0)));
  EXPECT_FALSE(at::equal(weight_after(recipe, 2), weight_after({}, 0)));
}

TEST(MilTrainer, SubsamplingChangesTheStepAndTheSeedRepeatsIt) {
  MilRecipe some, fewer;
  some.subsample = 0.5, fewer.drop_instances = 0.9;
  EXPECT_FALSE(at::equal(weight_after(some, 1), weight_after({}, 1)));
  EXPECT_TRUE(at::equal(weight_after(some, 3), weight_after(some, 3)));
  EXPECT_FALSE(at::equal(weight_after(fewer, 1), weight_after({}, 1)));
}

TEST(MilTrainer, ASubsampleOfAlmostNothingStillHoldsAnInstance) {
  const auto model = make("abmil");
  MilRecipe recipe;
  recipe.subsample = 1e-6;
  EXPECT_TRUE(MilTrainer(*model, training(recipe), 1).step(bag_of(30), label_of(0)).total.isfinite().item<bool>());
}

TEST(MilTrainer, AnAnnealedEntropyWeightStartsFullAndEndsNearNothing) {
  const auto model = make("abmil");
  MilRecipe recipe;
  recipe.loss.aem_lambda = 1, recipe.anneal_aem = true;
  MilTrainer trainer(*model, training(recipe), 4);
  double last = 0;
  for (int i = 0; i < 4; ++i) {
    const MilLoss loss = trainer.step(bag_of(30), label_of(0));
    const double weight = ((loss.total - loss.bag) / loss.neg_entropy).item<double>();
    if (i == 0) {
      EXPECT_NEAR(weight, 1, 1e-5);
    }
    last = weight;
  }
  EXPECT_NEAR(last, 0.5 * (1 + std::cos(0.75 * M_PI)), 1e-5);
}

TEST(MilTrainer, OptionsWithoutSenseAreRefusedBeforeTheFirstStep) {
  const auto model = make("abmil");
  const auto refused = [&](const std::function<void(MilRecipe&)>& spoil) {
    MilRecipe recipe;
    spoil(recipe);
    EXPECT_THROW(MilTrainer(*model, training(recipe), 4), fovea::Error);
  };
  refused([](MilRecipe& r) { r.subsample = 0; });
  refused([](MilRecipe& r) { r.drop_instances = 1; });
  refused([](MilRecipe& r) { r.dropout = 1.5; });
  refused([](MilRecipe& r) { r.accumulate = 0; });
  for (const auto& [name, tensor] : model->state()) EXPECT_FALSE(tensor.requires_grad()) << name;
}

/// A large bag is pooled piece by piece and computed again for its gradients: the same numbers up to rounding.
TEST(MilPieces, AreTheWholeBagInLossAndGradients) {
  at::manual_seed(12);
  const at::Tensor halves = at::randn({40000, 24}).to(at::kHalf);
  MilStep masked, drawn;
  masked.masked = at::rand({3, 40000}).lt(0.1);
  drawn.stkim = {50, 0.5}, drawn.seed = 4;
  MilLossOptions options;
  options.aem_lambda = 0.1;
  for (const std::string name : {"abmil", "acmil_ga", "clam_sb"})
    for (const MilStep& step : {MilStep{}, masked, drawn}) {
      if (step.masked && name != "acmil_ga") continue;
      const auto model = make(name);
      for (const auto& [key, tensor] : model->state()) tensor.requires_grad_(true);
      const auto gradients = [&](const at::Tensor& bag) {
        for (const auto& [key, tensor] : model->state()) tensor.mutable_grad() = at::Tensor();
        const MilOutput output = model->forward(bag, step);
        const MilLoss loss = model->loss(output, label_of(1), options);
        loss.total.backward();
        StateDict all{{"loss", loss.total.detach()}, {"attention", output.attn_softmax.detach() * 40000}};
        for (const auto& [key, tensor] : model->state())
          if (tensor.grad().defined()) all[key] = tensor.grad().clone();
        return all;
      };
      const StateDict pieces = gradients(halves), whole = gradients(halves.to(at::kFloat));
      ASSERT_EQ(pieces.size(), whole.size()) << name;
      for (const auto& [key, tensor] : whole)
        EXPECT_LE((pieces.at(key) - tensor).abs().max().item<double>(), 1e-5 + 1e-3 * tensor.abs().max().item<double>())
            << name << " " << key;
    }
}

/// Bags, branches and DSMIL's critical instances are all judged by the given criterion.
TEST(MilTerms, ACriterionReplacesCrossEntropyEverywhere) {
  MilLossOptions options;
  options.criterion = [](const at::Tensor& logits, const at::Tensor& label) { return (logits - label).pow(2).mean(); };
  const at::Tensor wanted = at::tensor({0.5f, -1.0f, 2.0f});
  const auto judged = [&](const at::Tensor& logits) { return options.criterion(logits, wanted).item<double>(); };
  {
    const auto model = make("acmil_ga");
    const MilOutput output = model->forward(bag_of(20));
    const MilLoss loss = model->loss(output, wanted, options);
    EXPECT_NEAR(loss.bag.item<double>(), judged(output.bag_logits), 1e-6);
    EXPECT_NEAR(loss.branch.item<double>(), judged(output.branch_logits), 1e-6);
  }
  for (const std::string name : {"dsmil", "dsmil_linear"}) {
    const auto model = make(name);
    const MilOutput output = model->forward(bag_of(20));
    EXPECT_NEAR(model->loss(output, wanted, options).bag.item<double>(),
                (judged(output.bag_logits) + judged(output.max_logits)) / 2, 1e-6);
  }
  const auto clam = make("clam_sb");
  EXPECT_THROW(clam->loss(clam->forward(bag_of(20)), wanted, options), fovea::Error) << "its instances have no class";
  options.instance_loss = false;
  EXPECT_TRUE(clam->loss(clam->forward(bag_of(20)), wanted, options).total.isfinite().item<bool>());
}

TEST(MilTerms, PerturbedAttentionCostsMoreAndIsRefusedWhereNothingIsGated) {
  for (const bool unlabelled : {false, true})
    for (const std::string name : {"abmil", "acmil_ga", "clam_sb", "clam_mb"}) {
      const auto model = make(name);
      for (const auto& [key, tensor] : model->state()) tensor.requires_grad_(true);
      MilLossOptions options;
      const MilOutput output = model->forward(bag_of(20));
      const double plain = model->loss(output, label_of(0), options).total.item<double>();
      const double bag = model->loss(output, label_of(0), options).bag.item<double>();
      options.adversarial.weight = 2, options.adversarial.eps = 1, options.adversarial.unlabelled = unlabelled;
      const MilLoss loss = model->loss(output, label_of(0), options);
      EXPECT_GE(loss.adversarial.item<double>(), unlabelled ? 0 : bag - 1e-6) << name;
      EXPECT_NEAR(loss.total.item<double>(), plain + 2 * loss.adversarial.item<double>(), 1e-5) << name;
      loss.total.backward();
    }
  const auto mha = make("mha");
  MilLossOptions options;
  options.adversarial.weight = 1;
  EXPECT_THROW(mha->loss(mha->forward(bag_of(20)), label_of(0), options), fovea::Error);
}

/// In the middle of an accumulation too: the pending gradients are part of the state.
TEST(MilTrainer, ASavedStateGoesOnWithTheSameBits) {
  MilRecipe recipe;
  recipe.accumulate = 3, recipe.stkim = {4, 0.5}, recipe.subsample = 0.7;
  const auto step = [](MilTrainer& trainer, int i) { trainer.step(bag_of(20 + i), label_of(i % 3)); };
  const auto whole = make("acmil_ga");
  MilTrainer one(*whole, training(recipe), 9);
  for (int i = 0; i < 9; ++i) step(one, i);

  const auto first = make("acmil_ga"), second = make("acmil_ga");
  StateDict saved;
  {
    MilTrainer trainer(*first, training(recipe), 9);
    for (int i = 0; i < 5; ++i) step(trainer, i);
    saved = trainer.saved();
  }
  for (const auto& [name, tensor] : second->state()) {
    at::Tensor target = tensor;
    target.copy_(first->state().at(name));
  }
  MilTrainer trainer(*second, training(recipe), 9);
  trainer.restore(saved);
  for (int i = 5; i < 9; ++i) step(trainer, i);
  for (const auto& [name, tensor] : second->state()) EXPECT_TRUE(at::equal(tensor, whole->state().at(name))) << name;
  EXPECT_EQ(trainer.learning_rate(), one.learning_rate());
  saved.erase("mean.0");
  EXPECT_THROW(trainer.restore(saved), fovea::Error);
}

TEST(MilTrainer, SchedulesClimbFallAndStay) {
  const auto rates = [](TrainOptions options) {
    const auto model = make("abmil");
    options.learning_rate = 1;
    MilTrainer trainer(*model, options, 10);
    std::vector<double> rates;
    for (int i = 0; i < 10; ++i) {
      for (const auto& [name, tensor] : model->state()) at::Tensor(tensor.detach()).fill_(0.01);
      trainer.step(bag_of(10), label_of(0)), rates.push_back(trainer.learning_rate());
    }
    return rates;
  };
  TrainOptions options;
  options.warm_up = 0.4, options.schedule = TrainOptions::Schedule::kConstant;
  EXPECT_EQ(rates(options)[2], 0.5);
  EXPECT_EQ(rates(options)[9], 1);
  options.schedule = TrainOptions::Schedule::kCosine, options.lowest_rate = 0.2;
  EXPECT_EQ(rates(options)[4], 1);
  EXPECT_NEAR(rates(options)[7], 0.6, 1e-12);
  options = {};
  EXPECT_NEAR(rates(options)[5], 0.5, 1e-12);
}

/// The first step of Adam is lr * sign(g + wd w), of AdamW lr * sign(g) and a shrunken weight.
TEST(MilTrainer, DecayInTheGradientIsNotDecoupledDecay) {
  const auto moved = [](bool l2) {
    const auto model = make("abmil");
    const at::Tensor before = model->state().at("classifier.fc.weight").clone();
    TrainOptions options = training({});
    options.weight_decay = 100, options.l2 = l2;
    MilTrainer(*model, options, 4).step(bag_of(30), label_of(0));
    return std::pair(before, model->state().at("classifier.fc.weight").detach() - before);
  };
  const auto [before, adam] = moved(true);
  const at::Tensor large = before.abs().gt(0.05);  // there 100 times the weight outweighs the gradient
  ASSERT_GT(large.sum().item<std::int64_t>(), 10);
  EXPECT_LE((adam + 1e-2 * before.sign()).masked_select(large).abs().max().item<double>(), 1e-5);
  const auto decoupled = moved(false).second;
  EXPECT_LE((decoupled + before).abs().max().item<double>(), 1.001e-2) << "lr * wd = 1 takes the weight away";
}

}  // namespace
