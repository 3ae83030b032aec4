// Recipes: what is read, what is refused, what is written.
#include "mil/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace {

using namespace fovea::pipeline::mil;
using testing::AllOf;
using testing::HasSubstr;

std::string complaint(const std::string& text) {
  try {
    recipe_from_json(text, "r.json");
  } catch (const fovea::Error& error) {
    return error.what();
  }
  return {};
}

TEST(Recipe, EveryBuiltinReadsBackAsItself) {
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    const std::string text = recipe_json(builtin.recipe).dump();
    EXPECT_EQ(recipe_json(recipe_from_json(text, "x")).dump(), text) << builtin.name;
    EXPECT_EQ(load_recipe(std::string(builtin.name)).architecture, builtin.recipe.architecture);
  }
}

TEST(Recipe, WhatIsWrittenIsWhatTheKeysSay) {
  const Recipe recipe = recipe_from_json(
      R"({"model": {"architecture": "abmil"}, "loss": {"aem": {"weight": 0.25, "schedule": "cosine", "top_k": 7},
          "adversarial": {"weight": 0.5, "kind": "unlabelled"}}, "stkim": {"candidates": 9, "drop": 0.5},
          "seeds": [3, 4], "dropout": null, "task": {"kind": "survival", "bins": 6},
          "schedule": {"name": "one-cycle"}, "data": {"patients": "concatenate"}})",
      "x");
  EXPECT_EQ(recipe.training.mil.loss.aem_lambda, 0.25);
  EXPECT_TRUE(recipe.training.mil.anneal_aem);
  EXPECT_EQ(recipe.training.mil.loss.entropy.top_k, 7);
  EXPECT_TRUE(recipe.training.mil.loss.adversarial.unlabelled);
  EXPECT_EQ(recipe.training.mil.stkim.n_masked, 9);
  EXPECT_EQ(recipe.seeds, (std::vector<std::int64_t>{3, 4}));
  EXPECT_FALSE(recipe.training.mil.dropout);
  EXPECT_EQ(recipe.bins, 6);
  EXPECT_EQ(recipe.training.schedule, fovea::models::TrainOptions::Schedule::kOneCycle);
  EXPECT_EQ(recipe.patients, Patients::kConcatenate);
}

TEST(Recipe, UnknownKeysAreRefusedTogetherWithTheNearestNames) {
  EXPECT_THAT(complaint(R"({"epoch": 3, "loss": {"aem": {"wieght": 1}}, "model": {"architecture": "abmli"}})"),
              AllOf(HasSubstr("r.json"), HasSubstr("'epoch' is no key of a recipe (did you mean 'epochs'?)"),
                    HasSubstr("'loss.aem.wieght' is no key of a recipe (did you mean 'loss.aem.weight'?)"),
                    HasSubstr("'abmli' is no network (did you mean 'abmil'?)")));
}

TEST(Recipe, WrongTypesAndRangesAreRefused) {
  EXPECT_THAT(complaint(R"({"epochs": 2.5})"), HasSubstr("'epochs' must be a whole number"));
  EXPECT_THAT(complaint(R"({"epochs": true})"), HasSubstr("'epochs' must be a whole number"));
  EXPECT_THAT(complaint(R"({"epochs": 0})"), HasSubstr("'epochs' must lie between 1"));
  EXPECT_THAT(complaint(R"({"seeds": []})"), HasSubstr("'seeds' must list one seed or more"));
  EXPECT_THAT(complaint(R"({"name": 3})"), HasSubstr("'name' is of the wrong type"));
  EXPECT_THAT(complaint(R"({"task": {"kind": "segmentation"}})"), HasSubstr("must be one of classification"));
  EXPECT_THAT(complaint(R"({"task": 1})"), HasSubstr("'task' is not a group of keys"));
  EXPECT_THAT(complaint(R"({"fovea_recipe": 9})"), HasSubstr("a version this program does not know"));
  EXPECT_THAT(complaint("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THROW(load_recipe("no-such-recipe"), fovea::Error);
}

/// A run's own copy can start the next run.
TEST(Recipe, TheCopyOfARunIsARecipe) {
  EXPECT_EQ(complaint(R"({"run": {"classes": ["a"], "threads": 2}})"), "");
}

}  // namespace
