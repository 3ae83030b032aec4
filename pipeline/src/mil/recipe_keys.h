// The table of a recipe's keys.
#pragma once

#include <vector>

#include "mil/recipe.h"
#include "train/recipe_keys.h"

namespace fovea::pipeline::mil {

const std::vector<train::RecipeKey<Recipe>>& recipe_keys();

}  // namespace fovea::pipeline::mil
