// `mil recipe`, `mri recipe`: the built-in recipes, to read and to start one's own from.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline::train {

struct RecipeShelf {
  std::string name;                                                           ///< "mil recipe"
  std::string trainer;                                                        ///< "mil train"
  std::string manual;                                                         ///< "docs/mil.md"
  std::string example;                                                        ///< name of a built-in recipe
  std::function<std::vector<std::pair<std::string, std::string>>()> builtin;  ///< name, summary
  std::function<std::string(const std::string&)> text;                        ///< JSON of a built-in recipe or a file
};
JobKind recipe_job(RecipeShelf shelf);

}  // namespace fovea::pipeline::train
