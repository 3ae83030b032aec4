#include "mil/recipe.h"

#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "mil/recipe_keys.h"
#include "problems.h"

namespace fovea::pipeline::mil {
namespace {

/// A recipe file may say less than everything, and the same table of keys writes it.
class Reader {
 public:
  Reader(const nlohmann::json& json, std::vector<std::string>& problems) : json_(json), problems_(problems) {}

  void visit(Recipe& recipe) {
    std::vector<std::string> known{kVersionKey, kRunKey};
    for (const RecipeKey& key : recipe_keys()) {
      known.push_back(key.path);
      if (const nlohmann::json* value = find(key.path)) read(key, *value, recipe);
    }
    refuse_unknown(json_, "", known);
  }

 private:
  const nlohmann::json* find(const std::string& path) const {
    const nlohmann::json* at = &json_;
    for (const std::string& part : parts_of(path)) {
      if (!at->is_object() || !at->contains(part)) return nullptr;
      at = &(*at)[part];
    }
    return at;
  }

  void read(const RecipeKey& key, const nlohmann::json& value, Recipe& recipe) {
    try {
      if (const std::string wrong = key.set(recipe, value); !wrong.empty())
        problems_.push_back("'" + key.path + "' " + wrong);
    } catch (const nlohmann::json::exception&) {
      problems_.push_back("'" + key.path + "' is of the wrong type: " + value.dump());
    }
  }

  void refuse_unknown(const nlohmann::json& json, const std::string& prefix, const std::vector<std::string>& known) {
    for (const auto& [name, value] : json.items()) {
      const std::string path = prefix + name;
      if (std::find(known.begin(), known.end(), path) != known.end()) continue;
      const bool section = std::any_of(known.begin(), known.end(),
                                       [&](const std::string& key) { return key.rfind(path + ".", 0) == 0; });
      if (section && value.is_object())
        refuse_unknown(value, path + ".", known);
      else if (section)
        problems_.push_back("'" + path + "' is not a group of keys");
      else
        problems_.push_back("'" + path + "' is no key of a recipe (did you mean '" + nearest_name(path, known) + "'?)");
    }
  }

  const nlohmann::json& json_;
  std::vector<std::string>& problems_;
};

}  // namespace

Recipe recipe_from_json(std::string_view text, const std::string& subject) {
  const auto json = nlohmann::json::parse(text, nullptr, false, true);
  if (!json.is_object())
    throw Error(ErrorCode::kCorrupt, subject, "this is not a JSON object",
                "Start from a built-in recipe: fovea mil recipe acmil > recipe.json.");
  Recipe recipe;
  std::vector<std::string> problems;
  if (const auto version = json.find(kVersionKey); version != json.end() && *version != kRecipeVersion)
    problems.push_back("it is of a version this program does not know: " + version->dump());
  Reader(json, problems).visit(recipe);
  if (!problems.empty())
    throw Error(ErrorCode::kUsage, subject, joined(problems, "; "), "docs/mil.md lists the keys of a recipe.");
  return recipe;
}

nlohmann::ordered_json recipe_json(const Recipe& recipe) {
  nlohmann::ordered_json json{{kVersionKey, kRecipeVersion}};
  for (const RecipeKey& key : recipe_keys()) {
    nlohmann::ordered_json* at = &json;
    for (const std::string& part : parts_of(key.path)) at = &(*at)[part];
    *at = key.get(recipe);
  }
  return json;
}

Recipe load_recipe(const std::string& name_or_path) {
  std::string names;
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    if (builtin.name == name_or_path) return builtin.recipe;
    names += (names.empty() ? "" : ", ") + std::string(builtin.name);
  }
  std::ifstream stream(name_or_path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, name_or_path, "this is neither a recipe file nor a built-in recipe",
                "Built-in recipes: " + names + ".");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  Recipe recipe = recipe_from_json(text, std::filesystem::path(name_or_path).filename().string());
  if (recipe.name.empty()) recipe.name = std::filesystem::path(name_or_path).stem().string();
  return recipe;
}

}  // namespace fovea::pipeline::mil
