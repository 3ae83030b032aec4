// A recipe of `mri train`: everything that a training run is, apart from its data, as one JSON file. docs/mri.md lists
// the keys. Published recipes: reference/segmentation.md 6, thrombus.md 3 and 4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <fovea/models/train_segmentation.h>

#include "mri/preprocessing.h"
#include "mri/training/augmentation.h"
#include "mri/training/modality_dropout.h"

namespace fovea::pipeline::mri::training {

/// What the network sees at a time.
enum class Form {
  kWhole,    ///< the head, brought to one size
  kPatches,  ///< boxes of a volume at one spacing
  kSlices,   ///< single slices
  kStacks    ///< consecutive slices along the thickest axis, which is never resampled
};

enum class Selection {
  kDice,       ///< the epoch with the largest mean Dice over validation cases, classes and availability patterns
  kDetection,  ///< with the largest share of lesions found; equal shares by Dice (thrombus.md 3)
  kLast
};

struct Recipe {
  std::string name;
  models::SegConfig network;                     ///< channels and classes follow from the lists below
  std::vector<std::string> modalities{"image"};  ///< the network's channels: columns of the case table
  std::vector<std::string> classes{"lesion"};    ///< names of the labels 1, 2, ...
  // What the network sees
  Form form = Form::kPatches;
  std::vector<std::int64_t> size;  ///< whole, patches: x, y, z; slices: width, height; stacks: width, height, slices
  double spacing_mm = 0;           ///< of its voxels (slices, stacks: in the plane); 0: the images' own
  Cropping cropping = Cropping::kNone;
  Normalisation normalisation = Normalisation::kZeroMean;
  double lowest_percentile = 0, highest_percentile = 100;
  double foreground_fraction = 0;   ///< slices: as Preprocessing
  std::vector<std::string> planes;  ///< slices: those that are cut from volumes, or in which the pictures lie
  double overlap = 0;               ///< patches at inference: share of the size
  // How it learns
  models::SegTraining training;  ///< rates.epochs and rates.batch count; its seed is set for every run
  double warm_up_epochs = 0;
  std::vector<std::int64_t> seeds{0};
  std::int64_t windows = 1;       ///< views of every case an epoch
  double foreground_share = 0.5;  ///< of the windows are drawn around a labelled voxel
  Augmentation augmentation;
  ModalityDropout dropout;
  // When to stop, what to keep
  Selection selection = Selection::kDice;
  std::int64_t validate_every = 1;
  std::int64_t patience = 0, patience_from = 0;
};

/// Error(kCorrupt) for what is no JSON, Error(kUsage) listing every key or value that makes no sense; `subject` names
/// the file.
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

/// The network with its channels and classes.
models::SegConfig network_of(const Recipe& recipe);
bool recurrent(const Recipe& recipe);
/// Size of a view: `size` with 1 for the axis that it leaves out.
Index3 window_of(const Recipe& recipe);
/// The `fovea.preprocessing` of its models: inference prepares volumes as training did.
nlohmann::json preprocessing_json(const Recipe& recipe);

}  // namespace fovea::pipeline::mri::training
