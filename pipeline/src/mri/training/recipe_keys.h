// The table of a recipe's keys.
#pragma once

#include <vector>

#include "mri/training/recipe.h"
#include "train/recipe_keys.h"

namespace fovea::pipeline::mri::training {

const std::vector<pipeline::train::RecipeKey<Recipe>>& recipe_keys();

}  // namespace fovea::pipeline::mri::training
