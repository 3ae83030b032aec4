// Recipes as published, as far as papers and code say (segmentation.md 6, thrombus.md 2 to 4), and what worked for us.
#include "mri/training/recipe.h"

#include <functional>
#include <utility>

namespace fovea::pipeline::mri::training {
namespace {

BuiltinRecipe made(std::string_view name, std::string_view architecture, std::string_view summary,
                   const std::function<void(Recipe&)>& change) {
  Recipe recipe;
  recipe.name = name, recipe.network.architecture = architecture;
  recipe.training.rates.schedule = models::TrainOptions::Schedule::kOneCycle;
  recipe.training.rates.learning_rate = 1e-3, recipe.training.rates.weight_decay = 1e-4;
  change(recipe);
  return {name, summary, std::move(recipe)};
}

/// The published networks' input: the whole head.
void whole_head(Recipe& recipe) {
  recipe.form = Form::kWhole, recipe.size = {128, 128, 144}, recipe.cropping = Cropping::kMinimum;
  recipe.classes = {"tumour"};
  recipe.normalisation = Normalisation::kDefault, recipe.highest_percentile = 99.5;
  recipe.training.rates.schedule = models::TrainOptions::Schedule::kConstant;
  recipe.training.rates.l2 = true, recipe.training.rates.weight_decay = 0;
  recipe.training.rates.epochs = 300, recipe.training.rates.batch = 2, recipe.training.accumulate = 16;
  recipe.augmentation.intensity_probability = 0;
  recipe.patience = 30;
}

/// Small volumes or boxes of large ones, on two cores in an hour.
void patches(Recipe& recipe) {
  recipe.form = Form::kPatches, recipe.size = {64, 64, 64}, recipe.spacing_mm = 1;
  recipe.network.filters = {16, 32, 64, 128};
  recipe.training.rates.learning_rate = 3e-3, recipe.training.rates.epochs = 40, recipe.training.rates.batch = 2;
  recipe.training.loss.cross_entropy = 1;
  recipe.training.average = 0.99;
  recipe.augmentation.perspective = 0;
}

void slices(Recipe& recipe) {
  recipe.network.dims = 2, recipe.network.filters = {12, 24, 48, 96, 128};
  recipe.form = Form::kSlices, recipe.size = {128, 128}, recipe.spacing_mm = 1.96;
  recipe.planes = {"axial", "coronal", "sagittal"}, recipe.foreground_fraction = 8.0 / 255;
  recipe.classes = {"meningioma"};
  recipe.training.rates.learning_rate = 2e-3, recipe.training.rates.epochs = 45, recipe.training.rates.batch = 8;
  recipe.training.loss.cross_entropy = 1;
  recipe.training.average = 0.99;
  recipe.augmentation.healthy = 0.15;
}

void thrombus(Recipe& recipe) {
  recipe.modalities = {"swan", "dwi", "adc", "flair"}, recipe.classes = {"thrombus"};
  recipe.network.filters = {16, 32, 64, 128, 128};
  recipe.form = Form::kStacks, recipe.size = {256, 256, 8}, recipe.spacing_mm = 0.7;
  recipe.normalisation = Normalisation::kZeroMeanNonzero;
  recipe.lowest_percentile = 0.5, recipe.highest_percentile = 99.5;
  recipe.training.rates.schedule = models::TrainOptions::Schedule::kCosine;
  recipe.training.rates.learning_rate = 3e-4, recipe.training.rates.epochs = 300, recipe.training.rates.batch = 4;
  recipe.training.clip = 1, recipe.training.loss.thrombus = true;
  recipe.augmentation.rotation_degrees = 15, recipe.augmentation.zoom = 0.1, recipe.augmentation.perspective = 0;
  recipe.dropout.most = 0.5, recipe.dropout.protect = "swan";
  recipe.selection = Selection::kDetection;
}

std::function<void(Recipe&)> both(const std::function<void(Recipe&)>& first,
                                  const std::function<void(Recipe&)>& second) {
  return [=](Recipe& recipe) {
    first(recipe);
    second(recipe);
  };
}

void plain(Recipe& recipe) {
  recipe.network.attention = recipe.network.multi_scale = recipe.network.deep_supervision = false;
}

}  // namespace

const std::vector<BuiltinRecipe>& builtin_recipes() {
  static const std::vector<BuiltinRecipe> recipes{
      made("agunet", "agunet", "AGUNet on boxes of a volume: gates, input pyramid, deep supervision", patches),
      made("agunet_head", "agunet", "AGUNet as published: the whole head at 128 x 128 x 144, 32 heads an update",
           both(whole_head,
                [](Recipe& r) {
                  r.network.filters = {16, 32, 128, 256, 256};
                })),
      made("agunet_slices", "agunet", "AGUNet on single slices of any plane", slices),
      made("daunet", "daunet", "DAUNet on boxes of a volume: attention over positions and channels at the bottom",
           patches),
      made("daunet_head", "daunet", "DAUNet as published: the whole head",
           both(whole_head,
                [](Recipe& r) {
                  r.network.filters = {16, 32, 128, 256};
                })),
      made("daunet_slices", "daunet", "DAUNet on single slices", slices),
      made("unet", "agunet", "U-Net on boxes of a volume: no gates, pyramid or deep supervision", both(patches, plain)),
      made("unet_slices", "agunet", "U-Net on single slices", both(slices, plain)),
      made("upattllstm", "upattllstm",
           "UpAttLLSTM (our reconstruction): stacks of slices, any subset of the modalities", thrombus),
      made("unet_stacks", "agunet", "U-Net slice by slice on the stacks of upattllstm; an absent modality is zero",
           both(thrombus,
                [](Recipe& r) {
                  plain(r);
                  r.network.dims = 2, r.network.norm = models::SegNorm::kGroup;
                  r.training.loss = {.dice = 0, .cross_entropy = 0.5, .tversky = 1, .halved = true, .largest = true};
                  r.dropout.most = 0;
                })),
  };
  return recipes;
}

}  // namespace fovea::pipeline::mri::training
