#include "mil/recipe.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "mil/recipe_keys.h"

namespace fovea::pipeline::mil {
namespace {

constexpr train::RecipeKind kKind{"fovea mil recipe acmil > recipe.json", "docs/mil.md"};

}  // namespace

Recipe recipe_from_json(std::string_view text, const std::string& subject) {
  Recipe recipe;
  train::read_recipe(text, subject, train::bound(recipe_keys(), recipe), kKind);
  return recipe;
}

nlohmann::ordered_json recipe_json(const Recipe& recipe) {
  Recipe copy = recipe;
  return train::recipe_of(train::bound(recipe_keys(), copy));
}

Recipe load_recipe(const std::string& name_or_path) {
  std::vector<std::string> names;
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    if (builtin.name == name_or_path) return builtin.recipe;
    names.emplace_back(builtin.name);
  }
  Recipe recipe = recipe_from_json(train::recipe_file(name_or_path, names),
                                   std::filesystem::path(name_or_path).filename().string());
  if (recipe.name.empty()) recipe.name = std::filesystem::path(name_or_path).stem().string();
  return recipe;
}

}  // namespace fovea::pipeline::mil
