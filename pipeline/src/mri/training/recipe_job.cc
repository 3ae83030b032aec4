// `mri recipe`.
#include "train/recipe_job.h"

#include <nlohmann/json.hpp>

#include "jobs/jobs.h"
#include "mri/training/recipe.h"

namespace fovea::pipeline {

JobKind mri_recipe_job() {
  return train::recipe_job({
      .name = "mri recipe",
      .trainer = "mri train",
      .manual = "docs/mri.md",
      .example = "agunet",
      .builtin =
          [] {
            std::vector<std::pair<std::string, std::string>> recipes;
            for (const auto& recipe : mri::training::builtin_recipes())
              recipes.emplace_back(recipe.name, recipe.summary);
            return recipes;
          },
      .text =
          [](const std::string& name) { return mri::training::recipe_json(mri::training::load_recipe(name)).dump(2); },
  });
}

}  // namespace fovea::pipeline
