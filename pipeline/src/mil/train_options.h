// The options of `mil train`: their table, and the checked values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <fovea/pipeline/job.h>

#include "mil/recipe.h"
#include "mil/splits.h"

namespace fovea::pipeline::mil {

struct TrainOptions {
  Recipe recipe;
  std::filesystem::path bags, labels, out;
  SplitOptions splits;
  std::int64_t threads = 0, cache_bytes = 0, ahead_bytes = 0;
};

std::vector<Parameter> train_parameters();
TrainOptions train_options(const JobValues& values);

}  // namespace fovea::pipeline::mil
