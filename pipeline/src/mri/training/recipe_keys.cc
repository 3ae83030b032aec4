#include "mri/training/recipe_keys.h"

#include <algorithm>
#include <utility>

#include "nearest_name.h"

namespace fovea::pipeline::mri::training {
namespace {

using Keys = pipeline::train::RecipeKeys<Recipe>;
using Json = nlohmann::json;
using Written = nlohmann::ordered_json;

Keys::Key architecture_key() {
  return {"network.architecture",
          [](Recipe& recipe, const Json& value) -> std::string {
            std::vector<std::string> names;
            for (const models::SegRow& row : models::seg_models()) names.emplace_back(row.name);
            recipe.network.architecture = value.get<std::string>();
            if (std::find(names.begin(), names.end(), recipe.network.architecture) != names.end()) return {};
            return "'" + recipe.network.architecture + "' is no network (did you mean '" +
                   nearest_name(recipe.network.architecture, names) + "'?)";
          },
          [](const Recipe& recipe) { return Written(recipe.network.architecture); }};
}

/// A list of whole numbers, each at least `low`, of `least` to `most` entries.
template <class At>
Keys::Key numbers(std::string path, At at, std::int64_t low, std::size_t least, std::size_t most) {
  return {std::move(path),
          [=](Recipe& recipe, const Json& value) -> std::string {
            at(recipe) = value.get<std::vector<std::int64_t>>();
            if (at(recipe).size() < least || at(recipe).size() > most)
              return "must list " + std::to_string(least) + " to " + std::to_string(most) + " numbers";
            const bool small = std::any_of(at(recipe).begin(), at(recipe).end(), [&](auto v) { return v < low; });
            return small ? "must not be below " + std::to_string(low) : "";
          },
          [=](const Recipe& recipe) { return Written(at(recipe)); }};
}

/// Different words, at least one; all of `allowed` where that is not empty.
template <class At>
Keys::Key words(std::string path, At at, std::vector<std::string> allowed = {}, bool may_be_empty = false) {
  return {std::move(path),
          [=](Recipe& recipe, const Json& value) -> std::string {
            at(recipe) = value.get<std::vector<std::string>>();
            std::vector<std::string> sorted = at(recipe);
            std::sort(sorted.begin(), sorted.end());
            if (sorted.empty() && !may_be_empty) return "must not be empty";
            if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return "names one twice";
            for (const std::string& word : sorted) {
              if (word.empty() || word.find_first_of(",\"") != std::string::npos) return "holds a name with a comma";
              if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), word) == allowed.end())
                return "holds '" + word + "', which is none of those possible";
            }
            return {};
          },
          [=](const Recipe& recipe) { return Written(at(recipe)); }};
}

void add(std::vector<Keys::Key>& keys, std::vector<Keys::Key> more) {
  std::move(more.begin(), more.end(), std::back_inserter(keys));
}

std::vector<Keys::Key> network_keys() {
  using models::SegNorm;
  return {
      Keys::plain("name", FOVEA_AT(name)),
      architecture_key(),
      Keys::number("network.dims", FOVEA_AT(network.dims), 2, 3),
      numbers("network.filters", FOVEA_AT(network.filters), 1, 2, 8),
      Keys::plain("network.multi_scale", FOVEA_AT(network.multi_scale)),
      Keys::plain("network.deep_supervision", FOVEA_AT(network.deep_supervision)),
      Keys::plain("network.attention", FOVEA_AT(network.attention)),
      Keys::plain("network.guided", FOVEA_AT(network.guided)),
      Keys::plain("network.pyramid_at_bottom", FOVEA_AT(network.pyramid_at_bottom)),
      Keys::choice<SegNorm>("network.norm", FOVEA_AT(network.norm),
                            {{"batch", SegNorm::kBatch}, {"group", SegNorm::kGroup}, {"instance", SegNorm::kInstance}}),
      Keys::number("network.dropout", FOVEA_AT(network.dropout), 0, 0.9),
      Keys::number("network.fuse_dropout", FOVEA_AT(network.fuse_dropout), 0, 0.9),
      Keys::choice<std::string>("network.variant", FOVEA_AT(network.variant),
                                {{"", ""},
                                 {"unidirectional", "unidirectional"},
                                 {"logic", "logic"},
                                 {"logic unidirectional", "logic unidirectional"}}),
  };
}

std::vector<Keys::Key> data_keys() {
  return {
      words("data.modalities", FOVEA_AT(modalities)),
      words("data.classes", FOVEA_AT(classes)),
      Keys::choice<Form>(
          "data.form", FOVEA_AT(form),
          {{"whole", Form::kWhole}, {"patches", Form::kPatches}, {"slices", Form::kSlices}, {"stacks", Form::kStacks}}),
      numbers("data.size", FOVEA_AT(size), 1, 2, 3),
      Keys::number("data.spacing_mm", FOVEA_AT(spacing_mm), 0, 100),
      Keys::choice<Cropping>("data.crop", FOVEA_AT(cropping),
                             {{"none", Cropping::kNone}, {"minimum", Cropping::kMinimum}}),
      Keys::choice<Normalisation>("data.normalisation", FOVEA_AT(normalisation),
                                  {{"none", Normalisation::kNone},
                                   {"default", Normalisation::kDefault},
                                   {"zeromean", Normalisation::kZeroMean},
                                   {"zeromean_nonzero", Normalisation::kZeroMeanNonzero}}),
      Keys::number("data.lowest_percentile", FOVEA_AT(lowest_percentile), 0, 100),
      Keys::number("data.highest_percentile", FOVEA_AT(highest_percentile), 0, 100),
      Keys::number("data.foreground_fraction", FOVEA_AT(foreground_fraction), 0, 0.99),
      words("data.planes", FOVEA_AT(planes), {"axial", "coronal", "sagittal"}, true),
      Keys::number("data.overlap", FOVEA_AT(overlap), 0, 0.9),
      Keys::number("sampling.windows", FOVEA_AT(windows), 1, 10000),
      Keys::number("sampling.foreground_share", FOVEA_AT(foreground_share), 0, 1),
  };
}

std::vector<Keys::Key> optimisation_keys() {
  using Schedule = models::TrainOptions::Schedule;
  return {
      Keys::choice<bool>("optimiser.name", FOVEA_AT(training.rates.l2), {{"adamw", false}, {"adam", true}}),
      Keys::number("optimiser.learning_rate", FOVEA_AT(training.rates.learning_rate), 1e-12, 10),
      Keys::number("optimiser.weight_decay", FOVEA_AT(training.rates.weight_decay), 0, 10),
      Keys::choice<Schedule>(
          "schedule.name", FOVEA_AT(training.rates.schedule),
          {{"cosine", Schedule::kCosine}, {"constant", Schedule::kConstant}, {"one-cycle", Schedule::kOneCycle}}),
      Keys::number("schedule.warm_up_epochs", FOVEA_AT(warm_up_epochs), 0),
      Keys::number("schedule.lowest_rate", FOVEA_AT(training.rates.lowest_rate), 0, 10),
      Keys::number("epochs", FOVEA_AT(training.rates.epochs), 1, 100000),
      numbers("seeds", FOVEA_AT(seeds), 0, 1, 1000),
      Keys::number("batch", FOVEA_AT(training.rates.batch), 1, 4096),
      Keys::number("accumulate", FOVEA_AT(training.accumulate), 1, 100000),
      Keys::number("clip", FOVEA_AT(training.clip), 0),
      Keys::number("average", FOVEA_AT(training.average), 0, 0.999999),
      Keys::number("loss.dice", FOVEA_AT(training.loss.dice), 0),
      Keys::number("loss.cross_entropy", FOVEA_AT(training.loss.cross_entropy), 0),
      Keys::number("loss.tversky", FOVEA_AT(training.loss.tversky), 0),
      Keys::plain("loss.thrombus", FOVEA_AT(training.loss.thrombus)),
      Keys::plain("loss.halved_heads", FOVEA_AT(training.loss.halved)),
      Keys::plain("loss.largest_label", FOVEA_AT(training.loss.largest)),
      Keys::choice<Selection>(
          "selection.rule", FOVEA_AT(selection),
          {{"dice", Selection::kDice}, {"detection", Selection::kDetection}, {"last", Selection::kLast}}),
      Keys::number("selection.every", FOVEA_AT(validate_every), 1, 100000),
      Keys::number("selection.patience", FOVEA_AT(patience), 0),
      Keys::number("selection.patience_from", FOVEA_AT(patience_from), 0),
  };
}

std::vector<Keys::Key> augmentation_keys() {
  return {
      Keys::number("augmentation.probability", FOVEA_AT(augmentation.probability), 0, 1),
      Keys::choice<std::string>("augmentation.flip", FOVEA_AT(augmentation.flip_axes),
                                {{"", ""}, {"x", "x"}, {"xy", "xy"}, {"xyz", "xyz"}}),
      Keys::number("augmentation.rotation_degrees", FOVEA_AT(augmentation.rotation_degrees), 0, 180),
      Keys::number("augmentation.shift", FOVEA_AT(augmentation.shift), 0, 0.5),
      Keys::number("augmentation.zoom", FOVEA_AT(augmentation.zoom), 0, 0.9),
      Keys::number("augmentation.perspective", FOVEA_AT(augmentation.perspective), 0, 0.5),
      Keys::number("augmentation.intensity_probability", FOVEA_AT(augmentation.intensity_probability), 0, 1),
      Keys::number("augmentation.gamma", FOVEA_AT(augmentation.gamma), 0, 3),
      Keys::number("augmentation.bias_field", FOVEA_AT(augmentation.bias_field), 0, 3),
      Keys::number("augmentation.noise", FOVEA_AT(augmentation.noise), 0, 10),
      Keys::number("augmentation.blur", FOVEA_AT(augmentation.blur), 0, 10),
      Keys::number("augmentation.healthy", FOVEA_AT(augmentation.healthy), 0, 1),
      Keys::number("modality_dropout.most", FOVEA_AT(dropout.most), 0, 0.95),
      Keys::number("modality_dropout.ramp_from", FOVEA_AT(dropout.ramp_from), 0, 1),
      Keys::number("modality_dropout.ramp_to", FOVEA_AT(dropout.ramp_to), 0, 1),
      Keys::number("modality_dropout.degrade", FOVEA_AT(dropout.degrade), 0, 1),
      Keys::plain("modality_dropout.protect", FOVEA_AT(dropout.protect)),
  };
}

}  // namespace

const std::vector<Keys::Key>& recipe_keys() {
  static const std::vector<Keys::Key> keys = [] {
    std::vector<Keys::Key> all = network_keys();
    add(all, data_keys());
    add(all, optimisation_keys());
    add(all, augmentation_keys());
    return all;
  }();
  return keys;
}

}  // namespace fovea::pipeline::mri::training
