// `mil recipe`: the built-in recipes, to read and to start one's own from.
#include <nlohmann/json.hpp>

#include <fovea/io/atomic_file.h>

#include "jobs/jobs.h"
#include "mil/recipe.h"

namespace fovea::pipeline {
namespace {

std::string listed() {
  std::size_t width = 0;
  for (const auto& recipe : mil::builtin_recipes()) width = std::max(width, recipe.name.size());
  std::string text;
  for (const auto& recipe : mil::builtin_recipes())
    text += std::string(recipe.name) + std::string(width + 2 - recipe.name.size(), ' ') + std::string(recipe.summary) +
            "\n";
  return text;
}

}  // namespace

JobKind mil_recipe_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "mil recipe";
  kind.summary = "Print a recipe for mil train: a built-in one, or a file's with everything it leaves out";
  kind.details =
      "Without a name: the built-in recipes. docs/mil.md explains the keys.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 no such recipe.\n"
      "Example: fovea mil recipe acmil > recipe.json";
  kind.parameters = {
      {.name = "recipe",
       .type = T::kText,
       .help = "Name of a built-in recipe, or a recipe file",
       .fallback = std::string{},
       .positional = true},
      {.name = "out", .type = T::kOutputFile, .help = "Write it to a file instead", .fallback = std::string{}}};
  kind.run = [](const JobValues& values, const ProgressSink&, std::stop_token) {
    JobResult result;
    if (values.text("recipe").empty()) {
      result.text = listed();
      return result;
    }
    result.json = mil::recipe_json(mil::load_recipe(values.text("recipe"))).dump(2);
    result.text = result.json + "\n";
    if (const std::string& out = values.text("out"); !out.empty()) {
      io::write_file(out, result.text);
      result.text.clear();
      result.outputs.push_back(out);
    }
    return result;
  };
  return kind;
}

}  // namespace fovea::pipeline
