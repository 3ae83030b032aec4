// `mil recipe`.
#include "train/recipe_job.h"

#include <nlohmann/json.hpp>

#include "jobs/jobs.h"
#include "mil/recipe.h"

namespace fovea::pipeline {

JobKind mil_recipe_job() {
  return train::recipe_job({
      .name = "mil recipe",
      .trainer = "mil train",
      .manual = "docs/mil.md",
      .example = "acmil",
      .builtin =
          [] {
            std::vector<std::pair<std::string, std::string>> recipes;
            for (const auto& recipe : mil::builtin_recipes()) recipes.emplace_back(recipe.name, recipe.summary);
            return recipes;
          },
      .text = [](const std::string& name) { return mil::recipe_json(mil::load_recipe(name)).dump(2); },
  });
}

}  // namespace fovea::pipeline
