// Training runs for a front end: recipes to choose from, and what a run folder of `mil train` or `mri train` holds,
// whoever started it and whether or not it still goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/pipeline/background_job.h>

namespace fovea::pipeline {

/// What is worth showing of a recipe. `kind` is "mil train" or "mri train" throughout this header.
struct TrainingRecipe {
  std::string name, summary, architecture;  ///< no summary for files
  std::int64_t epochs = 0;
  double learning_rate = 0;
  std::vector<std::int64_t> seeds;
};
std::vector<TrainingRecipe> builtin_training_recipes(std::string_view kind);
/// A built-in name or a file. Errors of the job's own reading: kNotFound, kCorrupt, kUsage listing every bad key.
TrainingRecipe training_recipe(std::string_view kind, const std::string& name_or_file);

/// One seed and fold of a run.
struct TrainingFold {
  std::int64_t seed = 0;
  std::string fold;  ///< "0", or the name that the table gives it
  std::vector<double> epochs;
  /// By column of history.csv, "train_loss", "val_auc", "val_dice", "attention_entropy", ...; as long as `epochs`, NaN
  /// where there is no number.
  std::map<std::string, std::vector<double>> curves;
  bool begun = false, trained = false;
  std::filesystem::path model;  ///< of the kept epoch, once it is trained
  std::string stamp;            ///< of the file that was read

  /// Row of the best validation score, the one that is kept unless the recipe says otherwise; -1: there is none.
  std::int64_t best() const;
};

struct TrainingRun {
  std::string kind, recipe, architecture;
  std::int64_t epochs = 0;          ///< at most, of every fold
  std::vector<TrainingFold> folds;  ///< those that are planned too, in the order in which they are trained
  JobStatus status;                 ///< kNone: not started in the background
  bool resumable = false;           ///< its request is there, and not all is trained
  std::filesystem::path report;     ///< of its evaluation, once there is one
  /// Column that decides: "val_dice", or "val_auc" (survival: the concordance).
  std::string score() const { return kind == "mri train" ? "val_dice" : "val_auc"; }
  bool all_trained() const;
};

/// Files that have not changed since `before` was read are not read again. Error(kNotFound) when the folder holds no
/// training run.
TrainingRun read_training_run(const std::filesystem::path& folder, const TrainingRun* before = nullptr);

/// Goes on with the run's own request. Error(kNotFound) when there is none: it was started elsewhere.
void resume_training(const std::filesystem::path& folder);

/// Copies a trained model whole or not at all. Error(kWriteFailed, kNotFound).
void keep_model(const std::filesystem::path& model, const std::filesystem::path& target);

}  // namespace fovea::pipeline
