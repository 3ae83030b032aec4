// A training recipe as a JSON file, whatever is trained: a table of keys says where each stands, how it is read,
// checked and written (recipe_keys.h makes the rows).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace fovea::pipeline::train {

/// A key of one recipe in memory.
struct BoundKey {
  std::string path;  ///< "loss.aem.weight"
  /// What is wrong with the value, or nothing; throws nlohmann's exceptions for a wrong type.
  std::function<std::string(const nlohmann::json&)> set;
  std::function<nlohmann::ordered_json()> get;
};

struct RecipeKind {
  std::string_view example;  ///< how to get a first recipe: "fovea mil recipe acmil > recipe.json"
  std::string_view manual;   ///< "docs/mil.md"
};

/// Keys that the text does not have keep their values. Error(kCorrupt) for what is no JSON object, Error(kUsage)
/// listing every unknown key with the nearest known one, every wrong type and every value out of range. `subject` names
/// the file. A group "run" is what a run adds to the copy it keeps, and is not read.
void read_recipe(std::string_view text, const std::string& subject, const std::vector<BoundKey>& keys,
                 const RecipeKind& kind);
/// All keys, also those at their defaults.
nlohmann::ordered_json recipe_of(const std::vector<BoundKey>& keys);

/// The recipe with changes "optimiser.learning_rate=5e-4": values are JSON or plain words. A list of texts comes split
/// at commas, which stand in lists of numbers as well (seeds=[0,1,2]): pieces without "=" belong to the one before.
std::string changed_recipe(const nlohmann::ordered_json& recipe, const std::vector<std::string>& changes);

/// What the copy of a run's recipe says it was made of (run.fingerprint); empty: there is no such file.
std::string run_fingerprint(const std::filesystem::path& recipe);

/// The text of the recipe file. Error(kNotFound) lists the names of the built-in ones.
std::string recipe_file(const std::string& path, const std::vector<std::string>& builtin);

}  // namespace fovea::pipeline::train
