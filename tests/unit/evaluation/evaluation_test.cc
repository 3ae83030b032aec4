// From predictions.csv to metrics.json and the tables.
#include "evaluation/evaluation.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "evaluation/prediction_table.h"
#include "tables.h"

namespace {

using namespace fovea::pipeline::evaluation;
using fovea::tests::random_table;
namespace fs = std::filesystem;

class Evaluation : public testing::Test {
 protected:
  Evaluation() : folder_(fs::temp_directory_path() / ("fovea_evaluation_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_), fs::create_directories(folder_);
  }
  ~Evaluation() override { fs::remove_all(folder_); }

  void write(const std::string& text) { std::ofstream(folder_ / "predictions.csv") << text; }
  nlohmann::json evaluated(EvaluationOptions options = {}) {
    options.replicates = 50;
    return nlohmann::json::parse(write_evaluation(folder_, options).json);
  }
  std::string failure() {
    try {
      evaluated();
    } catch (const fovea::Error& error) {
      return error.what();
    }
    return "no error";
  }
  fs::path folder_;
};

TEST_F(Evaluation, ATableReadsBackAsItWasWritten) {
  PredictionTable table = random_table(6, 2, {"benign", "grade 1, low"}, 0.5, 1);
  table.rows[0].slide_id = "007, \"left\"";
  write_predictions(folder_ / "predictions.csv", table);
  const PredictionTable read = read_predictions(folder_ / "predictions.csv");
  EXPECT_EQ(read.classes, table.classes);
  ASSERT_EQ(read.rows.size(), table.rows.size());
  EXPECT_EQ(read.rows[0].slide_id, table.rows[0].slide_id);
  EXPECT_EQ(read.rows[3].case_id, "001") << "leading zeros stay";
  EXPECT_EQ(read.rows[3].probabilities, table.rows[3].probabilities);
  EXPECT_EQ(read.rows[3].top10_mass, 0.25);
}

TEST_F(Evaluation, PoolsTheFoldsOfASeedAndAveragesSeeds) {
  PredictionTable first = random_table(40, 1, {"a", "b"}, 0.3, 1, 0),
                  second = random_table(40, 1, {"a", "b"}, 0.3, 2, 1);
  write_predictions(folder_ / "predictions.csv", first);
  const double one = evaluated()["figures"]["auroc_macro"]["value"];
  write_predictions(folder_ / "predictions.csv", second);
  const double two = evaluated()["figures"]["auroc_macro"]["value"];
  write_predictions(folder_ / "predictions.csv", joined_tables({first, second}, {"first", "second"}));
  const auto both = evaluated();
  EXPECT_NEAR(both["figures"]["auroc_macro"]["value"], (one + two) / 2, 1e-12);
  EXPECT_EQ(both["figures"]["auroc_macro"]["over_folds"]["n"], 4);
  EXPECT_EQ(both["figures"]["auroc_macro"]["over_seeds"]["n"], 2);
  EXPECT_EQ(both["cases"], 40);
  EXPECT_EQ(both["slides"], 40);
  EXPECT_TRUE(fs::exists(folder_ / "per_fold.csv"));
  EXPECT_TRUE(fs::exists(folder_ / "per_class.csv"));
}

TEST_F(Evaluation, OnlyTheAskedPartCounts) {
  PredictionTable table = random_table(20, 1, {"a", "b"}, 5, 1);
  for (std::size_t i = 0; i < 10; ++i) table.rows[i].part = "train";
  write_predictions(folder_ / "predictions.csv", table);
  EXPECT_EQ(evaluated()["rows"], 10);
  EvaluationOptions options;
  options.part = "val";
  EXPECT_THROW(evaluated(options), fovea::Error);
}

TEST_F(Evaluation, AnAbsentClassIsLeftOutOrCountsZeroAsTorchmetricsDoes) {
  PredictionTable table = random_table(20, 1, {"a", "b"}, 5, 1);
  table.classes.push_back("c");
  for (PredictionRow& row : table.rows) row.probabilities.push_back(0);
  write_predictions(folder_ / "predictions.csv", table);
  EXPECT_DOUBLE_EQ(evaluated()["figures"]["auroc_macro"]["value"], 1);
  EXPECT_THAT(evaluated()["notices"].dump(), testing::HasSubstr("class 'c' has no rows"));
  EvaluationOptions options;
  options.torchmetrics = true;
  EXPECT_NEAR(evaluated(options)["figures"]["auroc_macro"]["value"], 2.0 / 3, 1e-12);
}

TEST_F(Evaluation, SeveralLabelsASlideAreDecisionsOfTheirOwn) {
  write("slide_id,label,predicted,prob_a,prob_b\n01,a;b,a;b,0.9,0.8\n02,a,a,0.7,0.2\n03,,b,0.1,0.6\n04,b,,0.3,0.4\n");
  const auto json = evaluated();
  EXPECT_EQ(json["task"], "multi-label");
  EXPECT_DOUBLE_EQ(json["figures"]["exact_match"]["value"], 0.5);
  EXPECT_DOUBLE_EQ(json["figures"]["accuracy"]["value"], (1.0 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(json["per_class"][0]["auroc"]["value"], 1);
  EXPECT_DOUBLE_EQ(json["per_class"][1]["auroc"]["value"], 0.75);
}

TEST_F(Evaluation, SurvivalAndRegressionHaveTheirOwnFigures) {
  write("slide_id,risk,time,event,survival_2,survival_4\n01,3,1,1,0.2,0.1\n02,2,3,1,0.6,0.4\n03,1,5,0,0.9,0.8\n");
  EXPECT_DOUBLE_EQ(evaluated()["figures"]["c_index"]["value"], 1);
  write("slide_id,value,target\n01,1,2\n02,2,4\n03,3,\n");
  const auto json = evaluated();
  EXPECT_DOUBLE_EQ(json["figures"]["mae"]["value"], 1.5);
  EXPECT_EQ(json["rows"], 2) << "without a target there is nothing to compare";
}

TEST_F(Evaluation, BadTablesAreNamedByLineAndColumn) {
  write("slide_id,label,prob_a,prob_b\n01,a,0.9,0.1\n02,b,many,0.1\n");
  EXPECT_THAT(failure(), testing::HasSubstr("predictions.csv: line 3, column 'prob_a'"));
  write("slide_id,label,prob_a,prob_b\n01,a,0.9\n");
  EXPECT_THAT(failure(), testing::HasSubstr("a finite number is missing"));
  write("slide_id,label\n01,a\n");
  EXPECT_THAT(failure(), testing::HasSubstr("neither prob_<class>"));
  write("slide_id,label,prob_a,prob_b\n01,z,0.9,0.1\n");
  EXPECT_THAT(failure(), testing::HasSubstr("says what is true"));
  write("slide_id,label,prob_a,prob_b\n01,a,nan,0.1\n");
  EXPECT_THAT(failure(), testing::HasSubstr("finite"));
  EXPECT_FALSE(fs::exists(folder_ / "metrics.json")) << "nothing is left of a failed evaluation";
}

}  // namespace
