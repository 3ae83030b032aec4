// A whole run of `mri train`: cases, folds, seeds, evaluation, files. `mri ablate` makes several.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mri/training/fold_run.h"

namespace fovea::pipeline::mri::training {

struct TrainingOptions {
  Recipe recipe;
  std::filesystem::path cases, slices;  ///< one of them
  std::filesystem::path out;
  FoldOptions folds;
  std::string data_note;
  std::int64_t workers = 1, cache_bytes = 0, replicates = 1000;
  pipeline::train::ProcessGroup* group = nullptr;  ///< the processes that train together, if there are several
};

/// Over all folds and seeds: the test part, or the validation part where there is none; all modalities shown.
struct DiceSummary {
  std::string class_name, part;
  std::size_t cases = 0;  ///< with the class, of one seed
  double mean = 0, median = 0;
  double detected = 0;       ///< share of them that were found
  double between_seeds = 0;  ///< population deviation of the seeds' means
};

nlohmann::ordered_json summary_json(const DiceSummary& summary);

struct TrainingResult {
  std::vector<std::filesystem::path> outputs;
  std::vector<std::string> notices;
  std::string text;
  std::vector<DiceSummary> dice;  ///< one a class
  std::int64_t parameters = 0;
  double seconds = 0;  ///< of all training steps
  int trained = 0, failed = 0;
  std::size_t left_out = 0;
};

/// Among several processes rank 0 alone has a result. Goes on where the run folder stands. Progress covers `from` to
/// `to` of the job.
TrainingResult train(const TrainingOptions& options, ProgressMeter& meter, double from, double to);

}  // namespace fovea::pipeline::mri::training
