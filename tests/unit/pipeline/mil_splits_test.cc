// Splits: patients stay together, classes are spread, and the files that users have are understood.
#include "mil/splits.h"

#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "shared.h"

namespace {

using namespace fovea::pipeline::mil;
using fovea::test::TemporaryFolder;
using testing::HasSubstr;

/// 40 patients, every third with two slides; one of four has class 1. Ids have leading zeros.
std::vector<Item> patients() {
  std::vector<Item> items;
  for (int i = 0; i < 40; ++i)
    for (int slide = 0; slide < (i % 3 == 0 ? 2 : 1); ++slide) {
      Item item;
      item.case_id = "00" + std::to_string(i), item.slide_id = item.case_id + "-" + std::to_string(slide);
      item.target.label = i % 4 == 0, item.label = i % 4 == 0 ? "b" : "a";
      item.centre = std::to_string(i % 5);
      items.push_back(item);
    }
  return items;
}

std::set<std::string> cases(const std::vector<Item>& items, const std::vector<std::size_t>& part) {
  std::set<std::string> names;
  for (const std::size_t i : part) names.insert(items[i].case_id);
  return names;
}

std::string complaint(const std::vector<Item>& items, const SplitOptions& options) {
  try {
    make_splits(items, options);
  } catch (const fovea::Error& error) {
    return error.what();
  }
  return {};
}

TEST(Splits, FoldsTestEveryPatientOnceAndSpreadTheClasses) {
  const auto items = patients();
  SplitOptions options;
  options.folds = 5;
  const Splits splits = make_splits(items, options);
  ASSERT_EQ(splits.folds.size(), 5u);
  std::map<std::string, int> tested;
  for (const Split& split : splits.folds) {
    EXPECT_EQ(split.train.size() + split.val.size() + split.test.size(), items.size());
    int positive = 0;
    for (const std::string& name : cases(items, split.test)) ++tested[name], positive += std::stoi(name) % 4 == 0;
    EXPECT_EQ(positive, 2);
    EXPECT_FALSE(split.val.empty());
    for (const std::string& name : cases(items, split.train)) {
      EXPECT_EQ(cases(items, split.val).count(name), 0u);
      EXPECT_EQ(cases(items, split.test).count(name), 0u);
    }
  }
  EXPECT_EQ(tested.size(), 40u);
  for (const auto& [name, times] : tested) EXPECT_EQ(times, 1) << name;
}

TEST(Splits, ASeedFixesThemAndAnotherChangesThem) {
  const auto items = patients();
  SplitOptions options;
  options.folds = 3;
  const auto text = [&] { return split_csv(items, make_splits(items, options).folds[1]); };
  const std::string first = text();
  EXPECT_EQ(text(), first);
  options.seed = 1;
  EXPECT_NE(text(), first);
}

TEST(Splits, WhatWasWrittenReadsBack) {
  const auto items = patients();
  SplitOptions options;
  options.folds = 3;
  const Splits drawn = make_splits(items, options);
  TemporaryFolder folder;
  for (std::size_t k = 0; k < 3; ++k)
    std::ofstream(folder / ("splits_" + std::to_string(k) + ".csv")) << split_csv(items, drawn.folds[k]);
  std::ofstream(folder / "splits_0_bool.csv") << "not,a,split\n";
  SplitOptions given;
  given.splits = folder.path();
  const Splits read = make_splits(items, given);
  ASSERT_EQ(read.folds.size(), 3u);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(split_csv(items, read.folds[k]), split_csv(items, drawn.folds[k]));
  EXPECT_TRUE(read.notices.empty());
}

TEST(Splits, AcmilFilesAndFoldTablesAreRead) {
  const auto items = patients();
  TemporaryFolder folder;
  std::ofstream(folder / "split_1.json")
      << R"({"train_names": ["000-0", "000-1", "001-0"], "val_names": ["002-0"], "test_names": ["003-0", "gone"]})";
  SplitOptions options;
  options.splits = folder / "split_1.json";
  const Splits acmil = make_splits(items, options);
  EXPECT_EQ(cases(items, acmil.folds[0].train), (std::set<std::string>{"000", "001"}));
  EXPECT_EQ(cases(items, acmil.folds[0].test), (std::set<std::string>{"003"}));
  EXPECT_THAT(acmil.notices, testing::Contains(HasSubstr("1 of its slides are not among the bags")));
  EXPECT_THAT(acmil.notices, testing::Contains(HasSubstr("in none of its parts")));

  std::ofstream table(folder / "folds.csv");
  table << "case_id,fold\n";
  for (int i = 0; i < 40; ++i) table << "00" << i << "," << i % 11 << "\n";
  table.close();
  options.splits = folder / "folds.csv";
  const Splits folds = make_splits(items, options);
  ASSERT_EQ(folds.folds.size(), 11u);
  EXPECT_EQ(cases(items, folds.folds[10].test).count("0010"), 1u) << "folds are in the order of their numbers";
  EXPECT_TRUE(folds.folds[0].val.empty());
}

TEST(Splits, APatientInTwoPartsIsRefused) {
  const auto items = patients();
  TemporaryFolder folder;
  std::ofstream(folder / "splits_0.csv") << ",train,val,test\n0,000-0,,000-1\n";
  SplitOptions options;
  options.splits = folder / "splits_0.csv";
  EXPECT_THAT(complaint(items, options), HasSubstr("slides of one patient are in two of its parts"));
}

TEST(Splits, CentresTheSplitColumnAndWhatIsNone) {
  auto items = patients();
  SplitOptions options;
  options.test_centres = {"3", "4"};
  for (const Split& split : make_splits(items, options).folds)
    for (std::size_t i = 0; i < items.size(); ++i)
      EXPECT_EQ(std::count(split.test.begin(), split.test.end(), i), items[i].centre >= "3" ? 1 : 0);
  options.test_centres = {"9"};
  EXPECT_THAT(complaint(items, options), HasSubstr("no slide is of the centre '9'"));

  for (Item& item : items) item.split = std::stoi(item.case_id) < 30 ? "train" : "test";
  items.back().split = "held back";
  const Splits column = make_splits(items, {});
  EXPECT_EQ(cases(items, column.folds[0].train).size(), 30u);
  EXPECT_THAT(column.notices, testing::Contains(HasSubstr("1 slides whose split is none")));

  SplitOptions many;
  many.folds = 41;
  EXPECT_THAT(complaint(items, many), HasSubstr("40 patients cannot be dealt to 41 folds"));
  options = {};
  options.splits = "/no/such/splits";
  EXPECT_THAT(complaint(items, options), HasSubstr("there are no such splits"));
}

TEST(Splits, AClassWithOnePatientIsSaidAndStaysForTraining) {
  auto items = patients();
  items[5].target.label = 2, items[5].label = "rare";
  const Splits splits = make_splits(items, {});
  EXPECT_THAT(splits.notices, testing::Contains(HasSubstr("Class 'rare' has 1 patient")));
  const auto& train = splits.folds[0].train;
  EXPECT_EQ(std::count(train.begin(), train.end(), 5u), 1);
}

}  // namespace
