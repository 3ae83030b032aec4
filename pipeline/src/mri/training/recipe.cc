#include "mri/training/recipe.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "mri/training/recipe_keys.h"
#include "problems.h"
#include "slide/words.h"

namespace fovea::pipeline::mri::training {
namespace {

using Json = nlohmann::json;
constexpr pipeline::train::RecipeKind kKind{"fovea mri recipe agunet > recipe.json", "docs/mri.md"};

std::string listed(const std::vector<std::int64_t>& values) {
  std::string text;
  for (const std::int64_t value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
  return text;
}

/// What no single key can see.
void check(const Recipe& recipe, const std::string& subject) {
  std::vector<std::string> problems;
  const bool three = recipe.form != Form::kSlices;
  if (recipe.size.size() != (three ? 3U : 2U))
    problems.push_back(three ? "data.size must list three numbers" : "data.size must list width and height");
  if (recurrent(recipe) != recipe.training.loss.thrombus)
    problems.push_back("loss.thrombus belongs to upattllstm, and to it alone");
  if (recurrent(recipe) && (recipe.form != Form::kStacks || recipe.network.dims != 3 || recipe.classes.size() != 1))
    problems.push_back("upattllstm takes data.form stacks, network.dims 3 and one class");
  if (!recurrent(recipe) &&
      (recipe.form == Form::kSlices || recipe.form == Form::kStacks) != (recipe.network.dims == 2))
    problems.push_back("network.dims must be 2 for slices and stacks, 3 for whole volumes and patches");
  if (recipe.lowest_percentile >= recipe.highest_percentile)
    problems.push_back("data.lowest_percentile must be below data.highest_percentile");
  if (recipe.classes.size() > 254) problems.push_back("data.classes has more than 254 names");
  if (recipe.form == Form::kSlices && recipe.planes.empty())
    problems.push_back("data.planes must name the planes of the slices");
  const std::int64_t divisor = recipe.network.divisor();
  for (std::size_t a = 0; a < recipe.size.size(); ++a) {
    const bool across = recipe.form == Form::kStacks && a == 2;
    if (!across && recipe.size[a] % divisor != 0)
      problems.push_back("data.size must divide by " + std::to_string(divisor) + ", one factor 2 a level");
  }
  if (!recipe.dropout.protect.empty() &&
      std::find(recipe.modalities.begin(), recipe.modalities.end(), recipe.dropout.protect) == recipe.modalities.end())
    problems.push_back("modality_dropout.protect is none of data.modalities");
  refuse_problems(problems, subject);
}

}  // namespace

Recipe recipe_from_json(std::string_view text, const std::string& subject) {
  Recipe recipe = builtin_recipes().front().recipe;
  recipe.name.clear();
  pipeline::train::read_recipe(text, subject, pipeline::train::bound(recipe_keys(), recipe), kKind);
  check(recipe, subject);
  return recipe;
}

nlohmann::ordered_json recipe_json(const Recipe& recipe) {
  Recipe copy = recipe;
  return pipeline::train::recipe_of(pipeline::train::bound(recipe_keys(), copy));
}

Recipe load_recipe(const std::string& name_or_path) {
  std::vector<std::string> names;
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    if (builtin.name == name_or_path) return builtin.recipe;
    names.emplace_back(builtin.name);
  }
  const std::filesystem::path path(name_or_path);
  Recipe recipe = recipe_from_json(pipeline::train::recipe_file(name_or_path, names), path.filename().string());
  if (recipe.name.empty()) recipe.name = path.stem().string();
  return recipe;
}

models::SegConfig network_of(const Recipe& recipe) {
  models::SegConfig config = recipe.network;
  config.channels = static_cast<std::int64_t>(recipe.modalities.size());
  config.classes = 1 + static_cast<std::int64_t>(recipe.classes.size());
  return config;
}

bool recurrent(const Recipe& recipe) {
  return recipe.network.architecture == "upattllstm";
}

Index3 window_of(const Recipe& recipe) {
  return {recipe.size[0], recipe.size[1], recipe.size.size() > 2 ? recipe.size[2] : 1};
}

Json preprocessing_json(const Recipe& recipe) {
  using slide::number_text;
  static constexpr const char* kNormalisations[] = {"none", "default", "zeromean", "zeromean_nonzero"};
  std::string names = "background", modalities;
  for (const std::string& name : recipe.classes) names += "," + name;
  for (const std::string& name : recipe.modalities) modalities += (modalities.empty() ? "" : ",") + name;
  Json json{{"task", "segmentation"},
            {"imaging_modality", "MRI"},
            {"normalization_method", kNormalisations[static_cast<std::size_t>(recipe.normalisation)]},
            {"intensity_clipping_range",
             number_text(recipe.lowest_percentile, 6) + "," + number_text(recipe.highest_percentile, 6)},
            {"number_inputs", std::to_string(recipe.modalities.size())},
            {"nb_classes", std::to_string(1 + recipe.classes.size())},
            {"classes", names}};
  if (recipe.modalities.size() > 1 || recurrent(recipe)) json["modalities"] = modalities;
  const std::string spacing = number_text(recipe.spacing_mm, 6);
  switch (recipe.form) {
    case Form::kWhole:
      json["new_axial_size"] = listed(recipe.size);
      if (recipe.cropping == Cropping::kMinimum) json["background_cropping"] = "minimum";
      break;
    case Form::kPatches: {
      std::vector<std::int64_t> offset;
      for (const std::int64_t n : recipe.size) offset.push_back(static_cast<std::int64_t>(recipe.overlap * n));
      json["patch_size"] = listed(recipe.size), json["patch_offset"] = listed(offset);
      json["patch_padding"] = "exact";
      break;
    }
    case Form::kSlices: {
      std::string planes;
      for (const std::string& plane : recipe.planes) planes += (planes.empty() ? "" : ",") + plane;
      json["new_axial_size"] = listed(recipe.size), json["slice_spacing_mm"] = spacing;
      json["foreground_fraction"] = number_text(recipe.foreground_fraction, 6), json["trained_planes"] = planes;
      break;
    }
    case Form::kStacks:
      json["slice_size"] = std::to_string(std::max(recipe.size[0], recipe.size[1])), json["slice_spacing_mm"] = spacing;
      break;
  }
  if (recipe.spacing_mm > 0 && (recipe.form == Form::kWhole || recipe.form == Form::kPatches))
    json["output_spacing"] = spacing + "," + spacing + "," + spacing;
  return json;
}

}  // namespace fovea::pipeline::mri::training
