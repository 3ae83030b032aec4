// The table of a recipe's keys: one row says where a key stands, how it is read, checked and written.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "mil/recipe.h"
#include "nearest_name.h"

namespace fovea::pipeline::mil {

constexpr const char* kVersionKey = "fovea_recipe";
constexpr const char* kRunKey =
    "run";  ///< what a run adds to the copy it keeps; not read, so that the copy is a recipe
constexpr int kRecipeVersion = 1;

struct RecipeKey {
  std::string path;  ///< "loss.aem.weight"
  /// What is wrong with the value, or nothing; throws nlohmann's exceptions for a wrong type.
  std::function<std::string(Recipe&, const nlohmann::json&)> set;
  std::function<nlohmann::ordered_json(const Recipe&)> get;
};
const std::vector<RecipeKey>& recipe_keys();

inline std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace fovea::pipeline::mil
