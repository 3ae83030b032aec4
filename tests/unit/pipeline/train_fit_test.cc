// The training engine with a real network: stopped after any step, also between the bags of one update, it ends with
// the same bits.
#include "train/fit.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "mil/mil_trainee.h"
#include "mil_support.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline;
using fovea::test::TemporaryFolder;

class Fit : public testing::Test {
 protected:
  Fit() : store_(std::int64_t{1} << 24) {
    test::write_two_classes(folder_.path(), 10);
    recipe_.architecture = "acmil_ga", recipe_.inner = 8, recipe_.attention = 4, recipe_.branches = 2;
    recipe_.training.epochs = 3, recipe_.training.learning_rate = 0.01;
    recipe_.training.mil.accumulate = 4, recipe_.training.mil.stkim = {4, 0.5}, recipe_.training.mil.subsample = 0.7;
    set_ = mil::read_data_set(folder_ / "bags", folder_ / "labels.csv", recipe_);
    for (std::size_t i = 0; i < set_.items.size(); ++i) (i < 7 ? data_.train : data_.val).push_back(&set_.items[i]);
    data_.store = &store_, data_.features = 8;
    options_.epochs = 3, options_.fingerprint = "this run";
  }

  /// Trains until `steps` steps of this session are done; < 0: to the end.
  train::Checkpoint run(const std::filesystem::path& checkpoint, int steps) {
    const mil::TaskHead head(recipe_, set_.classes, data_.train);
    const models::MilRow& row = models::mil_model("acmil_ga");
    const models::MilConfig config = row.completed({"acmil_ga", 8, 8, 4, 2, 2});
    const auto model = row.make(config, models::random_state(row.specs(config), 1));
    mil::MilTrainee trainee(*model, head, recipe_, 1, data_, [](const mil::Item&, const std::string&) {}, {});
    options_.checkpoint = checkpoint;
    train::FitEvents events;
    int done = 0;
    events.advanced = [&](double) {
      if (++done == steps) throw Error(ErrorCode::kCancelled, "", "stopped");
    };
    return train::fit(trainee, options_, events, {});
  }

  TemporaryFolder folder_;
  mil::Recipe recipe_;
  mil::DataSet set_;
  mil::BagStore store_;
  mil::FoldData data_;
  train::FitOptions options_;
};

void expect_same(const train::Checkpoint& a, const train::Checkpoint& b, int steps) {
  for (const auto& [mine, theirs] :
       {std::pair{&a.weights, &b.weights}, {&a.best, &b.best}, {&a.progress, &b.progress}}) {
    ASSERT_EQ(mine->size(), theirs->size()) << steps;
    for (const auto& [name, tensor] : *mine) EXPECT_TRUE(at::equal(tensor, theirs->at(name))) << name << " " << steps;
  }
  ASSERT_EQ(a.history.size(), b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    EXPECT_EQ(a.history[i].train_loss, b.history[i].train_loss) << steps;
    EXPECT_EQ(a.history[i].learning_rate, b.history[i].learning_rate) << steps;
    EXPECT_EQ(a.history[i].figures.values, b.history[i].figures.values) << steps;
  }
  EXPECT_EQ(a.best_epoch, b.best_epoch);
}

TEST_F(Fit, StoppedAfterAnyStepItEndsWithTheSameBits) {
  const train::Checkpoint whole = run(folder_ / "whole", -1);
  EXPECT_TRUE(whole.finished);
  for (int steps = 1; steps <= 21; ++steps) {
    const auto checkpoint = folder_ / ("stopped" + std::to_string(steps));
    EXPECT_THROW(run(checkpoint, steps), Error);
    expect_same(whole, run(checkpoint, -1), steps);
  }
}

TEST_F(Fit, OneStepASessionEndsWithTheSameBits) {
  const train::Checkpoint whole = run(folder_ / "whole", -1);
  const auto checkpoint = folder_ / "steps";
  for (int session = 0; session < 20; ++session) EXPECT_THROW(run(checkpoint, 1), Error);
  expect_same(whole, run(checkpoint, -1), 1);
}

TEST_F(Fit, AStopRequestIsKeptAsACheckpoint) {
  std::stop_source stop;
  const mil::TaskHead head(recipe_, set_.classes, data_.train);
  const models::MilRow& row = models::mil_model("abmil");
  const models::MilConfig config = row.completed({"abmil", 8, 8, 4, 1, 2});
  const auto model = row.make(config, models::random_state(row.specs(config), 1));
  mil::MilTrainee trainee(*model, head, recipe_, 1, data_, [](const mil::Item&, const std::string&) {}, {});
  options_.checkpoint = folder_ / "stopped";
  train::FitEvents events;
  int steps = 0;
  events.advanced = [&](double) {
    if (++steps == 3) stop.request_stop();
  };
  EXPECT_THROW(train::fit(trainee, options_, events, stop.get_token()), Error);
  const train::Checkpoint kept = train::read_checkpoint(folder_ / "stopped");
  EXPECT_EQ(kept.step, 3);
  EXPECT_FALSE(kept.finished);
  EXPECT_TRUE(kept.progress.count("gradient.0")) << "three of an update's four bags are seen";
}

TEST_F(Fit, ARunOfOtherDataIsNotContinued) {
  EXPECT_THROW(run(folder_ / "c", 5), Error);
  options_.fingerprint = "another run";
  try {
    run(folder_ / "c", -1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), testing::HasSubstr("another recipe, other data"));
  }
}

/// Scores that never rise: the first epoch is the best, and patience ends the run.
TEST_F(Fit, PatienceEndsARunAndTheBestEpochIsKept) {
  recipe_.training.learning_rate = 1e-12;  // nothing changes, so no epoch is strictly better
  recipe_.training.epochs = options_.epochs = 12;
  options_.patience = 2;
  train::Checkpoint last = run(folder_ / "c", -1);
  EXPECT_EQ(last.history.size(), 3u);
  EXPECT_EQ(last.best_epoch, 0);
  options_.patience_from = 6;
  EXPECT_EQ(run(folder_ / "d", -1).history.size(), 7u);
  options_.patience = 0, options_.patience_from = 0, options_.keep_last = true;
  last = run(folder_ / "e", -1);
  EXPECT_EQ(last.history.size(), 12u);
  EXPECT_TRUE(last.best.empty());
}

TEST(Checkpoint, NumbersComeBackBitForBitAndRubbishIsRefused) {
  TemporaryFolder folder;
  train::Checkpoint before;
  before.fingerprint = "x", before.epoch = 4, before.step = 2, before.loss_sum = 0.1 + 0.2;
  before.best_score = 1.0 / 3, before.best_epoch = 3, before.losses = 2;
  train::EpochRow row{3, std::nan(""), 1e-300, 2.5, {}};
  row.figures.values["val_auc"] = 2.0 / 3;
  before.history = {row};
  before.weights["a"] = at::full({2}, 0.1), before.progress["steps"] = at::scalar_tensor(7, at::kLong);
  train::write_checkpoint(folder / "c", before);
  const train::Checkpoint after = train::read_checkpoint(folder / "c");
  EXPECT_EQ(after.loss_sum, before.loss_sum);
  EXPECT_EQ(after.best_score, before.best_score);
  EXPECT_FALSE(after.history[0].figures.score.has_value());
  EXPECT_TRUE(std::isnan(after.history[0].train_loss));
  EXPECT_EQ(after.history[0].learning_rate, 1e-300);
  EXPECT_EQ(after.history[0].figures.values, row.figures.values);
  EXPECT_EQ(after.progress.at("steps").item<std::int64_t>(), 7);
  EXPECT_TRUE(after.best.empty());
  std::ofstream(folder / "rubbish") << "rubbish";
  EXPECT_THROW(train::read_checkpoint(folder / "rubbish"), Error);
}

}  // namespace
