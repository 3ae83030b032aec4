// The rows of a recipe's table: plain values, numbers with limits, names of choices.
#pragma once

#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "train/recipe_text.h"

/// In a lambda of its own for every key: a member pointer cannot reach into a nested struct.
#define FOVEA_AT(member) \
  [](auto& r) -> auto& { \
    return r.member;     \
  }

namespace fovea::pipeline::train {

template <class Recipe>
struct RecipeKey {
  std::string path;
  std::function<std::string(Recipe&, const nlohmann::json&)> set;
  std::function<nlohmann::ordered_json(const Recipe&)> get;
};

template <class Recipe>
std::vector<BoundKey> bound(const std::vector<RecipeKey<Recipe>>& keys, Recipe& recipe) {
  std::vector<BoundKey> result;
  for (const RecipeKey<Recipe>& key : keys)
    result.push_back({key.path, [&](const nlohmann::json& value) { return key.set(recipe, value); },
                      [&] { return key.get(recipe); }});
  return result;
}

template <class Recipe>
struct RecipeKeys {
  using Key = RecipeKey<Recipe>;
  using Json = nlohmann::json;
  using Written = nlohmann::ordered_json;
  static constexpr double kNoLimit = std::numeric_limits<double>::infinity();

  /// A member, or a member of a member: called with a Recipe, const or not.
  template <class At>
  using TypeOf = std::remove_reference_t<decltype(std::declval<At>()(std::declval<Recipe&>()))>;

  static std::string outside(double low, double high) {
    const auto text = [](double value) { return Written(value).dump(); };
    return high == kNoLimit ? "must be at least " + text(low) : "must lie between " + text(low) + " and " + text(high);
  }

  template <class At>
  static Key number(std::string path, At at, double low, double high = kNoLimit) {
    return {std::move(path),
            [=](Recipe& recipe, const Json& value) -> std::string {
              // get<> would cut 2.5 to 2 and take true for 1.
              if (!value.is_number() || (std::is_integral_v<TypeOf<At>> && !value.is_number_integer()))
                return std::is_integral_v<TypeOf<At>> ? "must be a whole number" : "must be a number";
              const auto given = value.get<double>();
              if (!(given >= low && given <= high)) return outside(low, high);
              at(recipe) = value.get<TypeOf<At>>();
              return {};
            },
            [=](const Recipe& recipe) { return Written(at(recipe)); }};
  }

  /// null stands for "the network's own".
  template <class At>
  static Key optional_number(std::string path, At at, double low, double high = kNoLimit) {
    return {std::move(path),
            [=](Recipe& recipe, const Json& value) -> std::string {
              at(recipe).reset();
              if (value.is_null()) return {};
              if (!value.is_number()) return "must be a number or null";
              const auto given = value.get<double>();
              if (!(given >= low && given <= high)) return outside(low, high);
              at(recipe) = given;
              return {};
            },
            [=](const Recipe& recipe) { return at(recipe) ? Written(*at(recipe)) : Written(nullptr); }};
  }

  template <class At>
  static Key plain(std::string path, At at) {
    return {std::move(path),
            [=](Recipe& recipe, const Json& value) -> std::string {
              at(recipe) = value.get<TypeOf<At>>();
              return {};
            },
            [=](const Recipe& recipe) { return Written(at(recipe)); }};
  }

  template <class Enum>
  using Names = std::vector<std::pair<const char*, Enum>>;

  template <class Enum, class At>
  static Key choice(std::string path, At at, Names<Enum> names) {
    return {std::move(path),
            [=](Recipe& recipe, const Json& value) -> std::string {
              std::string known;
              for (const auto& [name, meaning] : names) {
                if (value.get<std::string>() == name) {
                  at(recipe) = meaning;
                  return {};
                }
                known += (known.empty() ? "" : ", ") + std::string(name);
              }
              return "must be one of " + known;
            },
            [=](const Recipe& recipe) {
              for (const auto& [name, meaning] : names)
                if (at(recipe) == meaning) return Written(name);
              return Written(nullptr);
            }};
  }
};

}  // namespace fovea::pipeline::train
