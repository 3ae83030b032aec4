// The pieces of `mri train` that are pure: recipes, dropout of modalities, random views, work made ahead, cases.
#include <cmath>
#include <fstream>
#include <numeric>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "file_text.h"
#include "shared.h"
#include "mri/training/augmentation.h"
#include "mri/training/cases.h"
#include "mri/training/modality_dropout.h"
#include "mri/training/recipe.h"
#include "train/ahead.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline::mri;
using namespace fovea::pipeline::mri::training;
using fovea::pipeline::slide::RandomSource;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

template <class Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// --- recipes ---

TEST(MriRecipe, EveryBuiltinReadsBackAsItself) {
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    const std::string text = recipe_json(builtin.recipe).dump();
    EXPECT_EQ(recipe_json(recipe_from_json(text, "x")).dump(), text) << builtin.name;
    // Its models can be read by inference.
    const auto p = preprocessing_from_json(preprocessing_json(builtin.recipe).dump(), network_of(builtin.recipe), "x");
    EXPECT_EQ(p.inputs, static_cast<std::int64_t>(builtin.recipe.modalities.size())) << builtin.name;
  }
}

TEST(MriRecipe, WhatDoesNotGoTogetherIsSaidAtOnce) {
  const std::string text = complaint([] {
    recipe_from_json(
        R"({"network": {"dims": 2, "filters": [4, 8, 16]}, "data": {"form": "patches", "size": [30, 32, 32],
                         "lowest_percentile": 100}, "loss": {"thrombus": true}})",
        "r.json");
  });
  EXPECT_THAT(text, AllOf(HasSubstr("r.json"), HasSubstr("network.dims must be"), HasSubstr("divide by 4"),
                          HasSubstr("lowest_percentile"), HasSubstr("loss.thrombus")));
  EXPECT_THAT(complaint([] { recipe_from_json(R"({"data": {"siez": [1,2]}})", "r.json"); }), HasSubstr("data.size"));
  EXPECT_THAT(complaint([] { load_recipe("agunte"); }), HasSubstr("agunet"));
}

// --- modality dropout ---

const std::vector<std::string> kFour{"swan", "dwi", "adc", "flair"};

TEST(ModalityDropoutRamp, GrowsFromNothingToAll) {
  const ModalityDropout options{.most = 0.5};
  double before = 0;
  for (std::int64_t epoch = 0; epoch < 100; ++epoch) {
    const double ramp = dropout_ramp(options, epoch, 100);
    EXPECT_GE(ramp, before);
    before = ramp;
  }
  EXPECT_EQ(dropout_ramp(options, 10, 100), 0);
  EXPECT_NEAR(dropout_ramp(options, 40, 100), 0.5, 1e-12);
  EXPECT_EQ(dropout_ramp(options, 70, 100), 1);
}

TEST(ModalityDropoutDraw, KeepsItsBoundsAndNeverDropsAll) {
  const ModalityDropout options{.most = 0.9, .degrade = 0, .protect = "swan"};
  for (const double ramp : {0.0, 0.3, 0.5, 1.0})
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      const std::vector<bool> available{seed % 3 != 0, true, seed % 5 != 0, seed % 2 == 0};
      const auto fates = draw_dropout(options, kFour, available, ramp, seed);
      std::int64_t dropped = 0, left = 0;
      for (std::size_t m = 0; m < 4; ++m) {
        EXPECT_EQ(fates[m] == Fate::kAbsent, !available[m]);
        dropped += fates[m] == Fate::kDropped;
        left += fates[m] == Fate::kKept || fates[m] == Fate::kDegraded;
      }
      EXPECT_LE(dropped, std::lround(ramp * 3));
      EXPECT_GE(left, 1);
      EXPECT_EQ(fates, draw_dropout(options, kFour, available, ramp, seed));
    }
}

/// At the end of the ramp: dropped with p, unless all four were, of which one drawn evenly comes back.
TEST(ModalityDropoutDraw, DropsAsOftenAsItShould) {
  const double p = 0.5, expected = p - std::pow(p, 4) / 4;
  const ModalityDropout options{.most = p, .degrade = 0};
  constexpr int kDraws = 100000;
  std::array<int, 4> dropped{};
  for (int i = 0; i < kDraws; ++i) {
    const auto fates = draw_dropout(options, kFour, {true, true, true, true}, 1, static_cast<std::uint64_t>(i));
    for (std::size_t m = 0; m < 4; ++m) dropped[m] += fates[m] == Fate::kDropped;
  }
  const double sigma = std::sqrt(expected * (1 - expected) / kDraws);
  for (const int count : dropped) EXPECT_NEAR(static_cast<double>(count) / kDraws, expected, 3 * sigma);
}

TEST(ModalityDropoutDraw, TheProtectedOneGoesHalfAsOftenAndSomeAreOnlySpoilt) {
  const ModalityDropout options{.most = 0.4, .degrade = 0.25, .protect = "swan"};
  std::array<int, 4> touched{}, spoilt{};
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const auto fates = draw_dropout(options, kFour, {true, true, true, true}, 1, static_cast<std::uint64_t>(i));
    for (std::size_t m = 0; m < 4; ++m) {
      touched[m] += fates[m] != Fate::kKept;
      spoilt[m] += fates[m] == Fate::kDegraded;
    }
  }
  EXPECT_NEAR(static_cast<double>(touched[0]) / touched[1], 0.5, 0.03);
  EXPECT_NEAR(static_cast<double>(spoilt[1]) / kDraws, 0.4 * 0.25, 0.01);
}

// --- views ---

Grid ramp_grid(const Index3& size) {
  Grid grid(size);
  std::iota(grid.values.begin(), grid.values.end(), 0.0F);
  return grid;
}

TEST(RandomView, WithoutChangeItIsACut) {
  const Grid grid = ramp_grid({8, 6, 4});
  const Index3 view{4, 2, 2};
  const Grid part = warped(grid, plain_warp({3.5, 2.5, 1.5}), view, false, Beyond::kZero);
  EXPECT_EQ(part.values, cut(grid, {{2, 2, 1}, {6, 4, 3}}).values);
  const Grid beyond = warped(grid, plain_warp({-0.5, 2.5, 1.5}), view, false, Beyond::kEdge);
  EXPECT_EQ(beyond.values[0], grid.values[grid.at(0, 2, 1)]);
  EXPECT_EQ(warped(grid, plain_warp({-0.5, 2.5, 1.5}), view, false, Beyond::kZero).values[0], 0);
}

TEST(RandomView, ImageAndLabelMoveTogether) {
  Augmentation all;
  all.probability = 1, all.flip_axes = "xyz";
  const Index3 size{24, 20, 16};
  Grid grid(size);
  std::vector<std::uint8_t> label(grid.values.size(), 0);
  for (std::int64_t z = 4; z < 12; ++z)
    for (std::int64_t y = 5; y < 15; ++y)
      for (std::int64_t x = 6; x < 18; ++x) grid.values[grid.at(x, y, z)] = 1, label[grid.at(x, y, z)] = 1;
  for (const bool flat : {false, true})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      RandomSource random(seed);
      const Warp warp = random_warp(random, all, size, flat, {11.5, 9.5, 7.5});
      const Grid image = warped(grid, warp, size, flat, Beyond::kZero);
      const auto moved = warped_label(label, size, warp, size);
      std::int64_t differ = 0, inside = 0;
      for (std::size_t i = 0; i < moved.size(); ++i) {
        inside += moved[i];
        differ += (image.values[i] > 0.5F) != (moved[i] != 0);
      }
      EXPECT_GT(inside, 200);
      EXPECT_LT(differ, inside / 6) << "only voxels at the border may disagree";
    }
}

TEST(RandomView, ValuesChangeButNotTheirScale) {
  const Grid grid = ramp_grid({16, 16, 4});
  Grid changed = grid;
  RandomSource random(3);
  change_values(changed, random, {.gamma = 0.5, .bias_field = 0.4, .noise = 0.2, .blur = 1}, false);
  EXPECT_NE(changed.values, grid.values);
  const auto mean = [](const Grid& g) {
    return std::accumulate(g.values.begin(), g.values.end(), 0.0) / static_cast<double>(g.values.size());
  };
  EXPECT_NEAR(mean(changed), mean(grid), 0.01);
  Grid constant({4, 4, 4}, 7);
  change_values(constant, random, {.gamma = 0.5, .noise = 0.2}, false);
  EXPECT_EQ(constant.values, Grid({4, 4, 4}, 7).values);
}

// --- work ahead ---

TEST(Ahead, HandsOutInOrderWhicheverIsReadyFirst) {
  std::atomic<int> most{0}, waiting{0};
  pipeline::train::Ahead<int> ahead(3, 60, 3, 4, [&](std::int64_t i) {
    most = std::max<int>(most, ++waiting);
    std::this_thread::sleep_for(std::chrono::microseconds(i % 7 * 100));
    return static_cast<int>(i);
  });
  for (int i = 3; i < 60; ++i) {
    EXPECT_EQ(ahead.next(), i);
    --waiting;
  }
  EXPECT_LE(most, 5) << "four wait, one may just have been taken";
}

TEST(Ahead, AFailureArrivesInItsTurn) {
  pipeline::train::Ahead<int> ahead(0, 10, 2, 3, [](std::int64_t i) {
    if (i == 2) throw std::runtime_error("third");
    return static_cast<int>(i);
  });
  EXPECT_EQ(ahead.next(), 0);
  EXPECT_EQ(ahead.next(), 1);
  EXPECT_THROW(ahead.next(), std::runtime_error);
  EXPECT_EQ(ahead.next(), 3);
}

// --- cases ---

class MriCases : public testing::Test {
 protected:
  std::filesystem::path table(const std::string& text) {
    std::ofstream(folder_ / "cases.csv") << text;
    return folder_ / "cases.csv";
  }
  void file(const char* name) { std::ofstream(folder_ / name) << "x"; }
  Recipe recipe_ = load_recipe("agunet");
  test::TemporaryFolder folder_;
};

TEST_F(MriCases, EveryProblemIsNamedWithItsLine) {
  file("a.nii");
  const auto path = table("case,image,label\n1,a.nii,a.nii\n1,b.nii,a.nii\n../x,a.nii,\n4,,a.nii\n");
  EXPECT_THAT(complaint([&] { read_cases(path, recipe_); }),
              AllOf(HasSubstr("cases.csv"), HasSubstr("line 3 names a case again"), HasSubstr("line 3 names a file"),
                    HasSubstr("line 4 has a case that is no name"), HasSubstr("line 4 has no label"),
                    HasSubstr("line 5 has no image")));
}

TEST_F(MriCases, MissingModalitiesAreEmptyAndPatientsStayTogether) {
  file("a.nii");
  recipe_.modalities = {"t1", "flair"};
  const auto path = table("case,t1,flair,label,patient,fold\n01,a.nii,,a.nii,p,1\n02,a.nii,a.nii,a.nii,p,2\n");
  const auto cases = read_cases(path, recipe_);
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[0].id, "01");
  EXPECT_TRUE(cases[0].images[1].empty());
  std::vector<std::string> notices;
  EXPECT_THAT(complaint([&] { make_folds(cases, {.val_fold = "2"}, notices); }), HasSubstr("one patient"));
  EXPECT_THAT(complaint([&] { make_folds(cases, {.val_fold = "9"}, notices); }), HasSubstr("no case is of fold '9'"));
}

TEST_F(MriCases, DrawnFoldsKeepPatientsWhole) {
  std::vector<Case> cases;
  for (int i = 0; i < 40; ++i) {
    Case each;
    each.id = std::to_string(i), each.patient = std::to_string(i / 2);
    cases.push_back(each);
  }
  std::vector<std::string> notices;
  const auto folds = make_folds(cases, {.folds = 4}, notices);
  ASSERT_EQ(folds.size(), 4U);
  std::set<std::size_t> tested;
  for (const Fold& fold : folds) {
    EXPECT_EQ(fold.train.size() + fold.val.size() + fold.test.size(), 40U);
    for (const std::size_t i : fold.test) {
      EXPECT_TRUE(tested.insert(i).second);
      EXPECT_THAT(fold.test, Contains(i ^ 1U));
    }
  }
  EXPECT_EQ(tested.size(), 40U);
}

}  // namespace
