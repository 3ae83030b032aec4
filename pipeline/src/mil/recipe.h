// A recipe: everything that a training run of `mil train` is, apart from its data, as one JSON file. docs/mil.md lists
// the keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <fovea/models/train.h>

#include "evaluation/prediction_table.h"

namespace fovea::pipeline::mil {

/// What a bag is when a patient has several slides.
enum class Patients {
  kSeparate,    ///< every slide for itself; a patient is never split over parts
  kMaximum,     ///< every slide for itself, with the largest label of the patient's slides, as CLAM does
  kConcatenate  ///< the patient's slides are one bag, with the largest label
};

enum class Selection {
  kScore,  ///< the epoch with the strictly largest score on the validation part (mil.md 5)
  kLoss,   ///< with the smallest loss there
  kLast
};

struct Recipe {
  std::string name;
  // Network
  std::string architecture = "acmil_ga";
  std::int64_t inner = 0, attention = 0, branches = 0;  ///< 0: the architecture's own
  std::string layers = "lg";                            ///< of the slide transformer
  std::int64_t window = 7;
  // Task
  evaluation::Task task = evaluation::Task::kClassification;
  std::vector<std::string> classes;  ///< in the order of the outputs; empty: the labels found, sorted
  std::int64_t bins = 4;             ///< survival: intervals of equal counts of events
  double uncensored_weight = 0;      ///< survival: extra share of the cases with an event in the loss
  bool huber = false;                ///< regression: Huber loss instead of the square
  // Optimisation
  models::TrainOptions training;  ///< `seed` is set for every run
  double warm_up_epochs = 0;
  std::vector<std::int64_t> seeds{0};
  bool balanced_loss = false;      ///< classes weighted by the inverse of their share
  bool balanced_sampling = false;  ///< bags drawn so that every class comes as often
  // When to stop, what to keep
  std::int64_t patience = 0;  ///< epochs without a better score; 0: never stop early
  std::int64_t patience_from = 0;
  Selection selection = Selection::kScore;
  // Data
  Patients patients = Patients::kSeparate;
  bool standardise = false;  ///< features by the training instances' mean and standard deviation
  double clip = 0;           ///< of standardised features; 0: none
};

/// Of the text of a recipe file; `subject` names it. Error(kCorrupt) for what is no JSON, Error(kUsage) listing every
/// unknown key with the nearest known one, every wrong type and every value out of range.
Recipe recipe_from_json(std::string_view text, const std::string& subject);
/// All keys, also those at their defaults.
nlohmann::ordered_json recipe_json(const Recipe& recipe);

struct BuiltinRecipe {
  std::string_view name, summary;
  Recipe recipe;
};
const std::vector<BuiltinRecipe>& builtin_recipes();

/// A file, or the name of a built-in recipe. Error(kNotFound) lists the names.
Recipe load_recipe(const std::string& name_or_path);

}  // namespace fovea::pipeline::mil
