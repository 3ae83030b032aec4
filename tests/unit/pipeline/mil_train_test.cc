// `mil train` as a job: it learns, it resumes to the bit, it survives bad input, and every task has its figures.
#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "evaluation/prediction_table.h"
#include "mil/run_files.h"
#include "mil_support.h"
#include "model_store.h"
#include "slide/csv_table.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline;
using namespace fovea::test;
using testing::Contains;
using testing::HasSubstr;
namespace fs = std::filesystem;

JobResult train(const JobRequest& request) {
  return run_job(request);
}

std::string complaint(const JobRequest& request) {
  try {
    train(request);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Every bag's first instance says how large the answer is.
void write_graded(const fs::path& folder, int bags, const std::function<std::string(int, double)>& label,
                  const std::string& header) {
  fs::create_directories(folder / "bags");
  std::ofstream labels(folder / "labels.csv");
  labels << header << "\n";
  for (int i = 0; i < bags; ++i) {
    at::manual_seed(static_cast<std::uint64_t>(i) + 100);
    const double grade = at::rand({1}).item<double>() * 4 - 2;
    at::Tensor rows = at::randn({5, 6}) * 0.1;
    rows.select(1, 0).add_(grade);
    write_bag(folder / "bags" / ("s" + std::to_string(i) + ".h5"), rows);
    labels << "s" << i << "," << label(i, grade) << "\n";
  }
}

/// Without the column that no two runs share.
std::vector<slide::CsvRow> history_of(const fs::path& run) {
  auto rows = slide::read_csv(run / "history.csv", {"seed", "seconds"});
  for (auto& row : rows) row.erase("seconds");
  return rows;
}

/// Everything that draws at random, and an update after every third bag, so that runs stop in the middle of one.
const std::vector<std::string> kEverything{"model.architecture=acmil_ga",
                                           "model.branches=2",
                                           "epochs=4",
                                           "accumulate=3",
                                           "stkim.candidates=4",
                                           "stkim.drop=0.5",
                                           "loss.aem.weight=0.1",
                                           "loss.aem.schedule=cosine",
                                           "instances.subsample=0.8",
                                           "instances.drop=0.1",
                                           "loss.balanced=true",
                                           "loss.adversarial.weight=0.1",
                                           "optimiser.learning_rate=0.003",
                                           "loss.adversarial.kind=unlabelled"};

void expect_same_run(const fs::path& a, const fs::path& b, const std::string& when) {
  for (const char* fold : {"seed_0/fold_0", "seed_0/fold_1"})
    for (const char* file : {"model.safetensors", "last.safetensors"})
      EXPECT_EQ(file_text(a / fold / file), file_text(b / fold / file)) << fold << "/" << file << " " << when;
  EXPECT_EQ(file_text(a / "predictions.csv"), file_text(b / "predictions.csv")) << when;
  EXPECT_EQ(history_of(a), history_of(b)) << when;
}

class MilTrain : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(MilTrain, FindsTheOneInstanceAndLeavesARunFolder) {
  write_two_classes(folder_.path(), 48);
  const auto out = folder_ / "run";
  const JobResult result =
      train(train_request(folder_.path(), out, {"epochs=30", "optimiser.learning_rate=0.005", "seeds=[0", "1]"},
                          {{"recipe", std::string("abmil")}, {"folds", std::int64_t{2}}}));
  EXPECT_EQ(result.exit_code, 0);
  for (const char* file : {"recipe.json", "history.csv", "predictions.csv", "metrics.json", "splits/splits_1.csv",
                           "seed_1/fold_1/checkpoint", "seed_1/fold_1/history.csv"})
    EXPECT_TRUE(fs::exists(out / file)) << file;
  EXPECT_FALSE(fs::exists(out / "left_out.csv"));
  EXPECT_THAT(file_text(out / "concentration.csv"), testing::StartsWith("slide_id,k,mass\n"));
  EXPECT_THAT(file_text(out / "concentration.csv"), HasSubstr(",10,"));
  const auto table = evaluation::read_predictions(out / "predictions.csv");
  int right = 0, tested = 0;
  for (const auto& row : table.rows) {
    EXPECT_EQ(row.slide_id.size(), 3u) << "leading zeros";
    if (row.part != "test") continue;
    ++tested, right += row.label == row.predicted;
  }
  EXPECT_EQ(tested, 2 * 48);
  EXPECT_GT(right, 0.85 * tested);
  EXPECT_EQ(history_of(out).size(), 2u * 2 * 30);
  const auto recipe = nlohmann::json::parse(file_text(out / "recipe.json"));
  EXPECT_EQ(recipe["run"]["classes"], (std::vector<std::string>{"normal", "tumour"}));
  const LoadedMil model = load_mil(out / "seed_0/fold_0/model.safetensors");
  EXPECT_EQ(model.description.labels, (std::vector<std::string>{"normal", "tumour"}));
  EXPECT_EQ(model.description.architecture, "abmil");
}

/// Requests a stop at the nth report, or throws what no checkpoint is written for, as a kill would end it.
struct Interruption {
  std::stop_source stop;
  int at = 0, seen = 0;
  bool violent = false;
  void operator()(const Progress&) {
    if (++seen != at) return;
    if (violent) throw std::runtime_error("killed");
    stop.request_stop();
  }
};

TEST_F(MilTrain, InterruptedAnywhereItEndsWithTheSameBits) {
  write_two_classes(folder_.path(), 20);
  const auto request = [&](const fs::path& out) {
    return train_request(folder_.path(), out, kEverything, {{"folds", std::int64_t{2}}});
  };
  // Every stage and every epoch reports for certain: ten times and more in two folds of four epochs.
  train(request(folder_ / "whole"));
  for (const bool violent : {false, true})
    for (const int at : {3, 4, 6, 8, 10}) {
      const auto out = folder_ / ((violent ? "killed" : "stopped") + std::to_string(at));
      Interruption interruption{{}, at, 0, violent};
      try {
        run_job(request(out), std::ref(interruption), interruption.stop.get_token());
        ADD_FAILURE() << "it was not interrupted at " << at;
      } catch (const std::exception& error) {
        EXPECT_THAT(error.what(), HasSubstr(violent ? "killed" : "goes on from the checkpoint"));
      }
      train(request(out));
      expect_same_run(folder_ / "whole", out, (violent ? "killed at " : "stopped at ") + std::to_string(at));
    }
}

TEST_F(MilTrain, FinishedFoldsAreNotTrainedAgainAndAnotherRecipeIsRefused) {
  write_two_classes(folder_.path(), 12);
  const auto out = folder_ / "run";
  const auto request = train_request(folder_.path(), out, {"epochs=2"}, {{"folds", std::int64_t{2}}});
  train(request);
  const auto checkpoint = out / "seed_0/fold_1/checkpoint";
  const auto written = fs::last_write_time(checkpoint);
  const std::string before = file_text(out / "predictions.csv");
  train(request);
  EXPECT_EQ(fs::last_write_time(checkpoint), written);
  EXPECT_EQ(file_text(out / "predictions.csv"), before);
  EXPECT_THAT(complaint(train_request(folder_.path(), out, {"epochs=3"}, {{"folds", std::int64_t{2}}})),
              HasSubstr("a run of another recipe or data"));
}

TEST_F(MilTrain, ADamagedCheckpointCostsItsFoldAndNothingElse) {
  write_two_classes(folder_.path(), 12);
  const auto request = train_request(folder_.path(), folder_ / "run", {"epochs=2"}, {{"folds", std::int64_t{2}}});
  train(request);
  const std::string before = file_text(folder_ / "run/seed_0/fold_0/model.safetensors");
  std::ofstream(folder_ / "run/seed_0/fold_0/checkpoint", std::ios::trunc) << "rubbish";
  const JobResult result = train(request);
  EXPECT_THAT(result.notices, Contains(HasSubstr("Starting again")));
  EXPECT_EQ(file_text(folder_ / "run/seed_0/fold_0/model.safetensors"), before);
}

TEST_F(MilTrain, WhatCannotBeUsedIsLeftOutNamedAndCounted) {
  write_two_classes(folder_.path(), 16);
  const auto bags = folder_ / "bags";
  at::Tensor poisoned = marked_rows(6, 8, 0, 1);
  poisoned[3][2] = std::nan("");
  write_bag(bags / "nan.h5", poisoned);
  write_bag(bags / "empty.h5", at::zeros({0, 8}));
  write_bag(bags / "wide.h5", marked_rows(6, 9, 0, 1));
  write_bag(bags / "unlabelled.h5", marked_rows(6, 8, 0, 1));
  write_bag(bags / "strange.h5", marked_rows(6, 8, 0, 1));
  std::ofstream(bags / "broken.h5") << "not a feature file";
  std::ofstream(folder_ / "labels.csv", std::ios::app)
      << "90,nan,normal\n91,empty,normal\n92,wide,tumour\n93,gone,tumour\n94,strange,cyst\n95,broken,normal\n"
         "96,000,tumour\n97,001x,\n";
  const JobResult result =
      train(train_request(folder_.path(), folder_ / "run", {"epochs=2", "task.classes=[\"normal\"", "\"tumour\"]"}));
  EXPECT_EQ(result.exit_code, 2);
  std::map<std::string, std::string> reasons;
  for (const auto& row : slide::read_csv(folder_ / "run/left_out.csv", {"slide_id", "reason"}))
    reasons[row.at("slide_id")] = row.at("reason");
  EXPECT_EQ(reasons.size(), 9u);
  EXPECT_THAT(reasons["nan"], HasSubstr("NaN"));
  EXPECT_THAT(reasons["empty"], HasSubstr("no instance"));
  EXPECT_THAT(reasons["wide"], HasSubstr("9 wide, not 8"));
  EXPECT_EQ(reasons["gone"], "no features");
  EXPECT_EQ(reasons["unlabelled"], "no label");
  EXPECT_EQ(reasons["strange"], "unknown class 'cyst'");
  EXPECT_EQ(reasons["001x"], "no label");
  EXPECT_FALSE(reasons["broken"].empty());
  EXPECT_THAT(reasons["000"], HasSubstr("more than once"));
  EXPECT_THAT(result.notices, Contains(HasSubstr("1 slide was left out: no features")));
  for (const std::string& notice : result.notices) EXPECT_THAT(notice, testing::Not(HasSubstr("strange"))) << "an id";
}

/// A cache of nothing: bad bags are met in the middle of training.
TEST_F(MilTrain, BadBagsMetWhileTrainingAreSkippedAndNamedOnce) {
  write_two_classes(folder_.path(), 40);
  at::Tensor poisoned = marked_rows(6, 8, 0, 1);
  poisoned[3][2] = std::nan("");
  write_bag(folder_ / "bags/037.h5", poisoned);
  write_bag(folder_ / "bags/038.h5", marked_rows(6, 5, 0, 1));
  const JobResult result = train(train_request(folder_.path(), folder_ / "run", {"epochs=3"},
                                               {{"cache-mb", std::int64_t{0}}, {"ahead-mb", std::int64_t{0}}}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(slide::read_csv(folder_ / "run/left_out.csv", {"slide_id"}).size(), 2u);
}

TEST_F(MilTrain, UnusableTablesAreRefusedInOneSentence) {
  write_two_classes(folder_.path(), 8);
  std::ofstream(folder_ / "labels.csv") << "slide_id,label\n000,a\n001,a\n002,a\n";
  EXPECT_THAT(complaint(train_request(folder_.path(), folder_ / "run", {})), HasSubstr("there is only one class"));
  std::ofstream(folder_ / "labels.csv") << "slide_id,label\nx,a\ny,b\n";
  EXPECT_THAT(complaint(train_request(folder_.path(), folder_ / "run", {})),
              HasSubstr("only 0 of its slides can be used (the first that cannot: no features)"));
  std::ofstream(folder_ / "labels.csv") << "slide,label\n";
  EXPECT_THAT(complaint(train_request(folder_.path(), folder_ / "run", {})), HasSubstr("no column 'slide_id'"));
  EXPECT_FALSE(fs::exists(folder_ / "run")) << "nothing is left of a run that never began";
}

TEST_F(MilTrain, AttentionThatCollapsesOrIsUniformAndGreedyMaskingAreSaid) {
  write_two_classes(folder_.path(), 12);
  JobResult result = train(train_request(folder_.path(), folder_ / "flat",
                                         {"epochs=1", "optimiser.learning_rate=1e-9", "stkim.candidates=4"},
                                         {{"recipe", std::string("abmil")}}));
  EXPECT_THAT(result.notices, Contains(HasSubstr("Attention is uniform")));
  EXPECT_THAT(result.notices, Contains(HasSubstr("more than 1 % of the median bag")));
  // One instance stands out so far that it wins everything.
  for (int i = 0; i < 12; ++i)
    write_bag(folder_ / ("bags/" + numbered(i) + ".h5"),
              marked_rows(40, 8, (i / 2) % 2, static_cast<std::uint64_t>(i) + 1, 20));
  result = train(train_request(folder_.path(), folder_ / "sharp",
                               {"epochs=10", "optimiser.learning_rate=0.02", "selection.rule=last"},
                               {{"recipe", std::string("abmil")}}));
  EXPECT_THAT(result.notices, Contains(HasSubstr("Attention has collapsed")));
}

// --- tasks

nlohmann::json metrics_of(const fs::path& run) {
  return nlohmann::json::parse(file_text(run / "metrics.json"));
}

TEST_F(MilTrain, SurvivalOrdersTheRisks) {
  write_graded(
      folder_.path(), 60,
      [](int i, double grade) { return std::to_string(std::exp(1 - grade)) + "," + (i % 4 == 0 ? "0" : "1"); },
      "slide_id,time,event");
  train(train_request(
      folder_.path(), folder_ / "run",
      {"task.kind=survival", "epochs=25", "optimiser.learning_rate=0.01", "model.inner=16", "selection.rule=last"},
      {{"recipe", std::string("abmil")}, {"folds", std::int64_t{2}}}));
  const auto table = evaluation::read_predictions(folder_ / "run/predictions.csv");
  EXPECT_EQ(table.task, evaluation::Task::kSurvival);
  EXPECT_EQ(table.times.size(), 3u);
  for (const auto& row : table.rows) {
    EXPECT_GE(row.probabilities.front(), row.probabilities.back()) << "survival falls";
    EXPECT_TRUE(row.event.has_value());
  }
  EXPECT_GT(metrics_of(folder_ / "run")["figures"]["c_index"]["value"].get<double>(), 0.8);
  // Its hazards, read as classes, would look like probabilities.
  for (const char* kind : {"slide predict", "slide explain"})
    EXPECT_THAT(complaint({kind,
                           {{"features", (folder_ / "bags/s0.h5").string()},
                            {"model", (folder_ / "run/seed_0/fold_0/model.safetensors").string()},
                            {"out", (folder_ / "seen").string()}}}),
                HasSubstr("trained for survival"));
}

TEST_F(MilTrain, RegressionFollowsTheValues) {
  write_graded(
      folder_.path(), 60, [](int, double grade) { return std::to_string(50 + 10 * grade); }, "slide_id,label");
  for (const char* loss : {"square", "huber"}) {
    const auto out = folder_ / loss;
    train(train_request(
        folder_.path(), out,
        {"task.kind=regression", std::string("task.loss=") + loss, "epochs=20", "optimiser.learning_rate=0.01"},
        {{"recipe", std::string("abmil")}, {"folds", std::int64_t{2}}}));
    double worst = 0;
    for (const auto& row : evaluation::read_predictions(out / "predictions.csv").rows)
      if (row.part == "test") worst += std::abs(row.value - row.target) / 60;
    EXPECT_LT(worst, 5) << "values are from 30 to 70";
  }
}

TEST_F(MilTrain, SeveralLabelsAtOnce) {
  write_graded(
      folder_.path(), 60,
      [](int, double grade) { return std::string(grade > 0 ? "high;" : "") + (std::abs(grade) < 1 ? "middle" : ""); },
      "slide_id,label");
  for (const char* recipe : {"abmil", "dsmil", "clam_sb"}) {
    const auto out = folder_ / recipe;
    train(train_request(folder_.path(), out,
                        {"task.kind=multi-label", "epochs=25", "optimiser.learning_rate=0.01", "selection.rule=last",
                         "loss.balanced=true", "selection.patience=0"},
                        {{"recipe", std::string(recipe)}, {"folds", std::int64_t{2}}}));
    const auto table = evaluation::read_predictions(out / "predictions.csv");
    EXPECT_EQ(table.task, evaluation::Task::kMultiLabel);
    EXPECT_EQ(table.classes, (std::vector<std::string>{"high", "middle"}));
    int right = 0, rows = 0;
    for (const auto& row : table.rows)
      if (row.part == "test")
        ++rows, right += (row.label.find("high") != std::string::npos) == (row.probabilities[0] > 0.5f);
    EXPECT_GT(right, 0.8 * rows) << recipe;
  }
}

TEST_F(MilTrain, APatientsSlidesBecomeOneBagOrShareTheLargestLabel) {
  write_two_classes(folder_.path(), 16);
  std::ofstream labels(folder_ / "labels.csv");
  labels << "case_id,slide_id,label\n";
  for (int i = 0; i < 16; ++i) {
    labels << i / 2 << "," << numbered(i) << "," << (i % 4 == 3 ? "tumour" : "normal") << "\n";
  }
  labels.close();
  const auto rows = [&](const std::string& rule) {
    train(train_request(folder_.path(), folder_ / rule, {"epochs=1", "data.patients=" + rule},
                        {{"folds", std::int64_t{2}}}));
    std::vector<evaluation::PredictionRow> tested;
    for (const auto& row : evaluation::read_predictions(folder_ / rule / "predictions.csv").rows)
      if (row.part == "test") tested.push_back(row);
    return tested;
  };
  const auto separate = rows("separate"), maximum = rows("maximum"), joined = rows("concatenate");
  EXPECT_EQ(separate.size(), 16u);
  EXPECT_EQ(maximum.size(), 16u);
  EXPECT_EQ(joined.size(), 8u);
  const auto positive = [](const auto& table) {
    return std::count_if(table.begin(), table.end(), [](const auto& row) { return row.label == "tumour"; });
  };
  EXPECT_EQ(positive(separate), 4);
  EXPECT_EQ(positive(maximum), 8);
  EXPECT_EQ(positive(joined), 4);
  EXPECT_THAT(joined.front().slide_id, HasSubstr(";"));
}

/// What training changed about the features a prediction has to change as well.
TEST_F(MilTrain, StandardisationTravelsWithTheModel) {
  write_two_classes(folder_.path(), 12);
  train(train_request(folder_.path(), folder_ / "run", {"epochs=1", "data.standardise=true", "data.clip=3"}));
  const auto metadata = load_mil(folder_ / "run/seed_0/fold_0/model.safetensors").description.metadata;
  const mil::Standardisation change = mil::standardisation_of(metadata);
  ASSERT_TRUE(change.mean.defined());
  EXPECT_EQ(change.mean.numel(), 8);
  EXPECT_EQ(change.clip, 3);
  EXPECT_LE(change.applied(at::full({1, 8}, 1e6)).max().item<double>(), 3);

  const auto bag = folder_ / "bags/003.h5", model = folder_ / "run/seed_0/fold_0/model.safetensors";
  train({"mil predict",
         {{"model", std::vector<std::string>{model.string()}},
          {"bags", (folder_ / "bags").string()},
          {"out", (folder_ / "predicted").string()}}});
  const auto table = evaluation::read_predictions(folder_ / "predicted/predictions.csv");
  const auto row = std::find_if(table.rows.begin(), table.rows.end(), [](auto& r) { return r.slide_id == "003"; });
  ASSERT_NE(row, table.rows.end());
  for (const bool live : {false, true}) {
    const auto result = nlohmann::json::parse(train({"slide predict",
                                                     {{"features", bag.string()},
                                                      {"model", model.string()},
                                                      {"live", live},
                                                      {"out", (folder_ / "seen").string()}}})
                                                  .json);
    EXPECT_NEAR(result["classes"][0]["probability"].get<double>(), row->probabilities[0], 1e-5) << live;
  }
}

TEST_F(MilTrain, TheSlideTransformerLearnsFromWhereThingsLie) {
  fs::create_directories(folder_ / "bags");
  std::ofstream labels(folder_ / "labels.csv");
  labels << "slide_id,label\n";
  for (int i = 0; i < 40; ++i) {
    // Four marked patches: a square of neighbours in one class, scattered in the other.
    at::manual_seed(static_cast<std::uint64_t>(i) + 1);
    at::Tensor rows = at::randn({40, 4}) * 0.1;
    const int first = i % 6 + 8 * (i % 2 ? i % 4 : 0);
    for (const int step : i % 2 ? std::array{0, 1, 8, 9} : std::array{0, 11, 22, 33}) rows[first + step][0] += 3;
    write_bag(folder_ / "bags" / ("s" + std::to_string(i) + ".h5"), rows);
    labels << "s" << i << "," << i % 2 << "\n";
  }
  labels.close();
  train(train_request(folder_.path(), folder_ / "run",
                      {"model.inner=32", "model.window=3", "model.layers=l", "epochs=15", "dropout=0",
                       "optimiser.learning_rate=0.006", "selection.rule=last"},
                      {{"recipe", std::string("slide_transformer")}, {"folds", std::int64_t{2}}}));
  int right = 0, tested = 0;
  for (const auto& row : evaluation::read_predictions(folder_ / "run/predictions.csv").rows)
    if (row.part == "test") ++tested, right += row.label == row.predicted;
  EXPECT_GT(right, 0.85 * tested);
  const LoadedMil model = load_mil(folder_ / "run/seed_0/fold_0/model.safetensors");
  EXPECT_EQ(model.model->config().variant, "l3");
}

}  // namespace
