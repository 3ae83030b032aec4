// The files of a training run: what stands in its folder, and what a trained model says of itself.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mil/bag_store.h"
#include "mil/recipe.h"
#include "mil/task_head.h"
#include "train/checkpoint.h"

namespace fovea::pipeline::mil {

constexpr const char* kPredictions = "predictions.csv";
constexpr const char* kHistory = "history.csv";
constexpr const char* kRecipe = "recipe.json";
constexpr const char* kConcentration = "concentration.csv";
constexpr const char* kLeftOut = "left_out.csv";
constexpr const char* kModel = "model.safetensors";
constexpr const char* kLast = "last.safetensors";
constexpr const char* kCheckpoint = "checkpoint";
constexpr const char* kLocalisation = "localisation.csv";

struct FoldName {
  std::int64_t seed = 0;
  std::size_t fold = 0;
  std::filesystem::path folder() const;  ///< "seed_0/fold_1"
  std::string words() const;             ///< "seed 0, fold 1"
};

std::string history_header();
std::string history_lines(const FoldName& name, const std::vector<train::EpochRow>& history);
std::string left_out_csv(const std::vector<LeftOut>& left_out);

/// What the run was made with, for recipe.json's "run".
struct RunFacts {
  std::vector<std::string> classes;
  std::string encoder, fingerprint;
  std::int64_t features = 0, bags = 0, threads = 0;
  std::size_t folds = 0;
};
std::string recipe_text(const Recipe& recipe, const RunFacts& facts);
/// The fingerprint in a folder's recipe.json; empty: there is none.
std::string fingerprint_of(const std::filesystem::path& folder);

/// SHA-256 of recipe (but its name and seeds), data and one split.
std::string fingerprint(const Recipe& recipe, const std::vector<Item>& items, const std::string& split);

/// The entries of a model's file: what slide predict, mil predict and a reader need to know.
std::map<std::string, std::string> model_metadata(const models::MilConfig& config, const TaskHead& head,
                                                  const Recipe& recipe, const Survey& survey,
                                                  const Standardisation& change, const FoldName& name,
                                                  std::int64_t epoch);
/// Back from the metadata: features of another data set change as those of training did.
Standardisation standardisation_of(const std::map<std::string, std::string>& metadata);
TaskHead head_of(const std::map<std::string, std::string>& metadata, const std::vector<std::string>& labels);

}  // namespace fovea::pipeline::mil
