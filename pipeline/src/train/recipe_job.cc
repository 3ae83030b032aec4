#include "train/recipe_job.h"

#include <algorithm>

#include <fovea/io/atomic_file.h>

namespace fovea::pipeline::train {
namespace {

std::string listed(const RecipeShelf& shelf) {
  const auto recipes = shelf.builtin();
  std::size_t width = 0;
  for (const auto& [name, summary] : recipes) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, summary] : recipes) text += name + std::string(width + 2 - name.size(), ' ') + summary + "\n";
  return text;
}

JobResult print(const RecipeShelf& shelf, const JobValues& values) {
  JobResult result;
  if (values.text("recipe").empty()) {
    result.text = listed(shelf);
    return result;
  }
  result.json = shelf.text(values.text("recipe"));
  result.text = result.json + "\n";
  if (const std::string& out = values.text("out"); !out.empty()) {
    io::write_file(out, result.text);
    result.text.clear();
    result.outputs.push_back(out);
  }
  return result;
}

}  // namespace

JobKind recipe_job(RecipeShelf shelf) {
  using T = ParameterType;
  JobKind kind;
  kind.name = shelf.name;
  kind.summary = "Print a recipe for " + shelf.trainer + ": a built-in one, or a file's with everything it leaves out";
  kind.details = "Without a name: the built-in recipes. " + shelf.manual +
                 " explains the keys.\n"
                 "Exit codes: 0 done, 1 wrong usage, 3 no such recipe.\n"
                 "Example: fovea " +
                 shelf.name + " " + shelf.example + " > recipe.json";
  kind.parameters = {
      {.name = "recipe",
       .type = T::kText,
       .help = "Name of a built-in recipe, or a recipe file",
       .fallback = std::string{},
       .positional = true},
      {.name = "out", .type = T::kOutputFile, .help = "Write it to a file instead", .fallback = std::string{}}};
  kind.run = [shelf = std::move(shelf)](const JobValues& values, const ProgressSink&, std::stop_token) {
    return print(shelf, values);
  };
  return kind;
}

}  // namespace fovea::pipeline::train
