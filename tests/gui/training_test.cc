// What the training page works on, without a window; and real trainings in processes of their own.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>

#include <fovea/pipeline/preparation.h>
#include <fovea/pipeline/text_file.h>

#include "gui_test.h"
#include "model/training.h"
#include "model/training_request.h"
#include "training_data.h"

namespace fovea::gui {
namespace {

using State = pipeline::JobStatus::State;
using test::wait_for;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(Curves, TicksAreRoundNumbersWithinTheRange) {
  const QList<double> fifths = ticksOf({0, 1}, 5);
  ASSERT_EQ(fifths.size(), 6);
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(fifths[i], 0.2 * i, 1e-12);
  EXPECT_EQ(ticksOf({1, 50}, 5), (QList<double>{10, 20, 30, 40, 50}));
  EXPECT_EQ(ticksOf({-0.3, 0.3}, 3).size(), 3);
  EXPECT_TRUE(ticksOf({1, 1}, 5).isEmpty());
  EXPECT_EQ(tickText(0.25, 0.05), QStringLiteral("0.25"));
  EXPECT_EQ(tickText(20, 10), QStringLiteral("20"));
}

TEST(Curves, ARangeHoldsEveryFiniteValueAndIsNeverAPoint) {
  Curve curve;
  curve.x = {1, 2, 3, 4}, curve.y = {0.5, kNone, 0.1, 0.9};
  EXPECT_EQ(rangeOf({curve}, false).low, 0.1);
  EXPECT_EQ(rangeOf({curve}, false).high, 0.9);
  curve.x = {1}, curve.y = {0.5};
  EXPECT_GT(rangeOf({curve}, true).span(), 0);
  EXPECT_EQ(rangeOf({}, true).span(), 1);
}

TEST(Curves, AHundredThousandEpochsAreThinnedWithoutLosingAPeakOrAGap) {
  Curve curve;
  for (int i = 0; i < 100'000; ++i) curve.x.push_back(i + 1), curve.y.push_back(std::sin(i * 0.01));
  curve.y[43'210] = 7, curve.y[80'001] = -7;
  for (int i = 60'000; i < 60'050; ++i) curve.y[static_cast<std::size_t>(i)] = kNone;
  const auto thin = thinned(curve, {1, 100'000}, 300);
  EXPECT_LE(thin.size(), 4u * 300u + 10u);
  const auto has = [&](double y) { return std::any_of(thin.begin(), thin.end(), [&](auto& p) { return p.y() == y; }); };
  EXPECT_TRUE(has(7));
  EXPECT_TRUE(has(-7));
  EXPECT_EQ(std::count_if(thin.begin(), thin.end(), [](auto& p) { return std::isnan(p.y()); }), 1);
  EXPECT_TRUE(std::is_sorted(thin.begin(), thin.end(), [](auto& a, auto& b) { return a.x() < b.x(); }));
  EXPECT_EQ(valueAt(curve, 43'211), 7);
  EXPECT_TRUE(std::isnan(valueAt(curve, 0)));
}

TEST(TrainingTimeLeft, DoesNotTakeWhatAResumedRunFoundForSpeed) {
  TimeLeft left;
  left.report(QStringLiteral("reading"), 0, 0);
  EXPECT_LT(left.seconds(), 0);
  left.report(QStringLiteral("training seed 0, fold 0"), 0.05, 1);
  left.report(QStringLiteral("training seed 0, fold 0"), 0.50, 2);  // half of it was there
  EXPECT_LT(left.seconds(), 0) << "one report tells no speed";
  left.report(QStringLiteral("training seed 0, fold 0"), 0.51, 3);
  left.report(QStringLiteral("training seed 0, fold 0"), 0.52, 4);
  EXPECT_NEAR(left.seconds(), 48, 1e-6);
  left.report(QStringLiteral("training seed 0, fold 1"), 0.60, 5);
  EXPECT_NEAR(left.seconds(), 40, 1e-6) << "until the next fold has its own speed";
}

TEST(TrainingRequest, HoldsOnlyWhatDiffersFromTheRecipe) {
  pipeline::TrainingRecipe recipe;
  recipe.epochs = 50, recipe.learning_rate = 1e-4, recipe.seeds = {0};
  TrainingChoices choices;
  choices.recipe = QStringLiteral("acmil"), choices.bags = QStringLiteral("bags"), choices.out = QStringLiteral("run");
  choices.epochs = 50, choices.learning_rate = 1e-4, choices.seeds = {0};
  pipeline::JobRequest request = trainingRequest(choices, recipe);
  EXPECT_EQ(request.kind, "mil train");
  EXPECT_EQ(request.values.count("set"), 0u);
  choices.epochs = 20, choices.learning_rate = 5e-4, choices.seeds = {0, 1, 2}, choices.folds = 5;
  request = trainingRequest(choices, recipe);
  EXPECT_EQ(std::get<std::vector<std::string>>(request.values.at("set")),
            (std::vector<std::string>{"epochs=20", "seeds=[0,1,2]", "optimiser.learning_rate=0.0005"}));
  EXPECT_EQ(std::get<std::int64_t>(request.values.at("folds")), 5);
  EXPECT_FALSE(seedsOf(QStringLiteral("0, x")));
  EXPECT_FALSE(seedsOf(QStringLiteral("1,1")));
  EXPECT_FALSE(seedsOf(QString()));
  EXPECT_EQ(*seedsOf(QStringLiteral("3, 1")), (QList<qint64>{3, 1}));
}

class TrainingTest : public testing::Test {
 protected:
  void SetUp() override {
    test::application();
    test::write_training_bags(data_.path());
    settings_ = std::make_unique<Settings>(home_.path());
    training_ = std::make_unique<Training>(engine_, *settings_);
    QObject::connect(training_.get(), &Training::failed,
                     [this](const QString& sentence, const QString&) { problem_ = sentence; });
  }
  void TearDown() override {
    for (const QString& folder : training_->runningFolders()) pipeline::stop_background(folder.toStdString());
  }
  QString file(const char* name) const { return data_.path() + QLatin1Char('/') + QLatin1String(name); }
  bool until(State state, int ms = 120'000) {
    return wait_for(
        [&] {
          training_->poll();
          return training_->run() && training_->run()->status.state == state;
        },
        ms);
  }
  bool untilEpoch(std::size_t epoch) {
    return wait_for(
        [&] {
          training_->poll();
          return training_->run() && !training_->run()->folds.empty() &&
                 training_->run()->folds[0].epochs.size() >= epoch;
        },
        120'000);
  }

  QTemporaryDir home_, data_;
  Engine engine_;
  std::unique_ptr<Settings> settings_;
  std::unique_ptr<Training> training_;
  QString problem_;
};

TEST_F(TrainingTest, AKilledTrainingIsSaidAndGoesOn) {
  training_->start(test::training_request(data_.path(), 100'000));
  ASSERT_TRUE(untilEpoch(2)) << problem_.toStdString();
  EXPECT_EQ(training_->runningFolders(), QStringList{file("run")});
  ::kill(static_cast<pid_t>(training_->run()->status.process), SIGKILL);
  ASSERT_TRUE(until(State::kFailed));
  EXPECT_NE(training_->run()->status.problem.find("signal 9"), std::string::npos) << training_->run()->status.problem;
  EXPECT_TRUE(training_->runningFolders().isEmpty());
  const std::size_t before = training_->run()->folds[0].epochs.size();
  training_->resume();
  ASSERT_TRUE(untilEpoch(before + 1)) << problem_.toStdString();
  const auto& epochs = training_->run()->folds[0].epochs;
  for (std::size_t i = 0; i < epochs.size(); ++i) ASSERT_EQ(epochs[i], static_cast<double>(i + 1));
  training_->stop();
  ASSERT_TRUE(until(State::kStopped)) << training_->run()->status.problem;
}

TEST_F(TrainingTest, OneFolderIsTrainedInByOneProcess) {
  const auto request = test::training_request(data_.path(), 100'000);
  training_->start(request);
  ASSERT_TRUE(untilEpoch(1)) << problem_.toStdString();
  EXPECT_THROW(pipeline::start_background(request, file("run").toStdString()), std::exception);
  const auto checks = pipeline::preflight(request);
  EXPECT_NE(checks.back().sentence.find("a run goes on"), std::string::npos) << checks.back().sentence;
  training_->stop();
  ASSERT_TRUE(until(State::kStopped));
  EXPECT_TRUE(training_->run()->resumable);
}

TEST_F(TrainingTest, AFolderWithoutARunIsOneSentence) {
  training_->open(data_.path());
  ASSERT_TRUE(wait_for([&] { return !problem_.isEmpty(); }));
  EXPECT_TRUE(problem_.contains(QStringLiteral("no training run"))) << problem_.toStdString();
  EXPECT_TRUE(training_->folder().isEmpty());
  EXPECT_TRUE(training_->folders().isEmpty());
}

/// As `fovea mil train` leaves it while the second fold is at work, started in a terminal.
TEST_F(TrainingTest, ARunOfTheCommandLineIsFollowedByItsFiles) {
  const auto write = [&](const char* name, const char* text) {
    const QString path = file("cli/") + QLatin1String(name);
    QDir().mkpath(QFileInfo(path).path());
    pipeline::write_text_file(path.toStdString(), text);
  };
  constexpr const char* kHeader =
      "seed,fold,epoch,train_loss,val_loss,val_auc,val_macro_f1,learning_rate,attention_entropy,top10_mass,seconds\n";
  const std::string rows = std::string(kHeader) + "0,0,1,0.7,0.69,0.5,0.4,0.001,0.9,0.2,0.1\n" +
                           "0,0,2,0.6,0.65,0.75,0.4,0.001,0.8,0.3,0.1\n" + "0,0,3,0.5,0.66,,0.4,0.001,0.7,0.4,0.1\n";
  write("recipe.json", R"({"name":"acmil","model":{"architecture":"acmil_ga"},"epochs":3,"seeds":[0],
                           "optimiser":{"learning_rate":0.001},"run":{"folds":2}})");
  write("splits/splits_0.csv", ",train,val,test\n");
  write("splits/splits_1.csv", ",train,val,test\n");
  write("splits/splits_10.csv", ",train,val,test\n");
  write("seed_0/fold_0/history.csv", rows.c_str());
  write("seed_0/fold_0/model.safetensors", "model");
  write("seed_0/fold_1/history.csv", kHeader);
  training_->open(file("cli"));
  ASSERT_TRUE(wait_for([&] { return training_->run() != nullptr; })) << problem_.toStdString();
  const pipeline::TrainingRun& run = *training_->run();
  ASSERT_EQ(run.folds.size(), 3u);
  EXPECT_EQ(run.folds[2].fold, "10") << "in the order of numbers";
  EXPECT_TRUE(run.folds[0].trained && !run.folds[1].trained && run.folds[1].begun && !run.folds[2].begun);
  EXPECT_EQ(run.folds[0].best(), 1) << "the third epoch has no AUC";
  EXPECT_EQ(training_->bestFold(), 0);
  EXPECT_FALSE(run.resumable);
  EXPECT_EQ(foldText(run.folds[0], run), QStringLiteral("epoch 3 of 3, best 0.750 in epoch 2, trained"));
  EXPECT_EQ(foldText(run.folds[2], run), QStringLiteral("waits"));
  const auto losses = curvesOf(run, Quantity::kLoss);
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_TRUE(losses[1].second && losses[1].group == losses[0].group);
  EXPECT_EQ(curvesOf(run, Quantity::kScore).front().marked, 2);
  // Another epoch in the file is another point of the curve.
  write("seed_0/fold_1/history.csv", (std::string(kHeader) + "0,1,1,0.7,0.69,0.5,0.4,0.001,0.9,0.2,0.1\n").c_str());
  ASSERT_TRUE(wait_for([&] {
    training_->poll();
    return training_->run()->folds[1].epochs.size() == 1;
  }));
  training_->resume();
  ASSERT_TRUE(wait_for([&] { return !problem_.isEmpty(); }));
  EXPECT_TRUE(problem_.contains(QStringLiteral("not started in a window"))) << problem_.toStdString();
}

TEST_F(TrainingTest, ADeadProcessOfAnEarlierWindowIsLostNotRunning) {
  QDir().mkpath(file("lost"));
  const std::string status = (file("lost/") + QLatin1String(pipeline::kJobStatus)).toStdString();
  pipeline::StatusFile(status).write(R"({"type":"progress","stage":"training","fraction":0.5})");
  EXPECT_EQ(pipeline::read_job_status(status).state, State::kRunning) << "this process wrote it and lives";
  std::string text = pipeline::read_text_file(status);
  const auto birth = text.find("\"birth\":\"") + 9;
  pipeline::write_text_file(status, text.replace(birth, 1, text[birth] == '1' ? "2" : "1"));
  const auto lost = pipeline::read_job_status(status);
  EXPECT_EQ(lost.state, State::kLost) << "the same number, another process";
  EXPECT_EQ(lost.progress.fraction, 0.5);
  EXPECT_EQ(pipeline::read_job_status(file("nothing").toStdString()).state, State::kNone);
  pipeline::write_text_file(status, "{\"fovea_status\":1,\"type\":7}");
  EXPECT_EQ(pipeline::read_job_status(status).state, State::kNone);
}

}  // namespace
}  // namespace fovea::gui
