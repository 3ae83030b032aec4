#include "mil/recipe_keys.h"

#include <algorithm>

#include "nearest_name.h"

namespace fovea::pipeline::mil {
namespace {

using Keys = train::RecipeKeys<Recipe>;
using Json = nlohmann::json;
using Written = nlohmann::ordered_json;

Keys::Key architecture_key() {
  return {"model.architecture",
          [](Recipe& recipe, const Json& value) -> std::string {
            std::vector<std::string> names;
            for (const models::MilRow& row : models::mil_models()) names.emplace_back(row.name);
            recipe.architecture = value.get<std::string>();
            if (std::find(names.begin(), names.end(), recipe.architecture) != names.end()) return {};
            return "'" + recipe.architecture + "' is no network (did you mean '" +
                   nearest_name(recipe.architecture, names) + "'?)";
          },
          [](const Recipe& recipe) { return Written(recipe.architecture); }};
}

Keys::Key layers_key() {
  return {"model.layers",
          [](Recipe& recipe, const Json& value) -> std::string {
            recipe.layers = value.get<std::string>();
            return recipe.layers.find_first_not_of("lg") == std::string::npos ? "" : "must be letters l and g";
          },
          [](const Recipe& recipe) { return Written(recipe.layers); }};
}

Keys::Key seeds_key() {
  return {"seeds",
          [](Recipe& recipe, const Json& value) -> std::string {
            recipe.seeds = value.get<std::vector<std::int64_t>>();
            const auto negative = [](std::int64_t seed) { return seed < 0; };
            if (recipe.seeds.empty()) return "must list one seed or more";
            return std::any_of(recipe.seeds.begin(), recipe.seeds.end(), negative) ? "must not be negative" : "";
          },
          [](const Recipe& recipe) { return Written(recipe.seeds); }};
}

}  // namespace

const std::vector<Keys::Key>& recipe_keys() {
  using evaluation::Task;
  using Schedule = models::TrainOptions::Schedule;
  static const std::vector<Keys::Key> keys{
      Keys::plain("name", FOVEA_AT(name)),
      architecture_key(),
      Keys::number("model.inner", FOVEA_AT(inner), 0, 65536),
      Keys::number("model.attention", FOVEA_AT(attention), 0, 65536),
      Keys::number("model.branches", FOVEA_AT(branches), 0, 1024),
      layers_key(),
      Keys::number("model.window", FOVEA_AT(window), 1, 999),
      Keys::choice<Task>("task.kind", FOVEA_AT(task),
                         {{"classification", Task::kClassification},
                          {"multi-label", Task::kMultiLabel},
                          {"survival", Task::kSurvival},
                          {"regression", Task::kRegression}}),
      Keys::plain("task.classes", FOVEA_AT(classes)),
      Keys::number("task.bins", FOVEA_AT(bins), 2, 64),
      Keys::number("task.uncensored_weight", FOVEA_AT(uncensored_weight), 0, 1),
      Keys::choice<bool>("task.loss", FOVEA_AT(huber), {{"square", false}, {"huber", true}}),
      Keys::choice<bool>("optimiser.name", FOVEA_AT(training.l2), {{"adamw", false}, {"adam", true}}),
      Keys::number("optimiser.learning_rate", FOVEA_AT(training.learning_rate), 1e-12, 10),
      Keys::number("optimiser.weight_decay", FOVEA_AT(training.weight_decay), 0, 10),
      Keys::choice<Schedule>(
          "schedule.name", FOVEA_AT(training.schedule),
          {{"cosine", Schedule::kCosine}, {"constant", Schedule::kConstant}, {"one-cycle", Schedule::kOneCycle}}),
      Keys::number("schedule.warm_up_epochs", FOVEA_AT(warm_up_epochs), 0),
      Keys::number("schedule.lowest_rate", FOVEA_AT(training.lowest_rate), 0, 10),
      Keys::number("epochs", FOVEA_AT(training.epochs), 1, 100000),
      seeds_key(),
      Keys::number("accumulate", FOVEA_AT(training.mil.accumulate), 1, 100000),
      Keys::optional_number("loss.diversity", FOVEA_AT(training.mil.loss.diversity), 0),
      Keys::number("loss.aem.weight", FOVEA_AT(training.mil.loss.aem_lambda), 0),
      Keys::number("loss.aem.top_k", FOVEA_AT(training.mil.loss.entropy.top_k), 0),
      Keys::plain("loss.aem.normalise", FOVEA_AT(training.mil.loss.entropy.normalise)),
      Keys::choice<bool>("loss.aem.schedule", FOVEA_AT(training.mil.anneal_aem),
                         {{"constant", false}, {"cosine", true}}),
      Keys::number("loss.adversarial.weight", FOVEA_AT(training.mil.loss.adversarial.weight), 0),
      Keys::number("loss.adversarial.eps", FOVEA_AT(training.mil.loss.adversarial.eps), 0),
      Keys::choice<bool>("loss.adversarial.kind", FOVEA_AT(training.mil.loss.adversarial.unlabelled),
                         {{"labelled", false}, {"unlabelled", true}}),
      Keys::plain("loss.instance.on", FOVEA_AT(training.mil.loss.instance_loss)),
      Keys::number("loss.instance.bag_weight", FOVEA_AT(training.mil.loss.bag_weight), 0, 1),
      Keys::number("loss.instance.samples", FOVEA_AT(training.mil.loss.instance_samples), 1, 100000),
      Keys::plain("loss.instance.subtyping", FOVEA_AT(training.mil.loss.subtyping)),
      Keys::plain("loss.balanced", FOVEA_AT(balanced_loss)),
      Keys::number("stkim.candidates", FOVEA_AT(training.mil.stkim.n_masked), 0),
      Keys::number("stkim.drop", FOVEA_AT(training.mil.stkim.mask_drop), 0, 1),
      Keys::number("instances.subsample", FOVEA_AT(training.mil.subsample), 1e-6, 1),
      Keys::number("instances.drop", FOVEA_AT(training.mil.drop_instances), 0, 0.999),
      Keys::optional_number("dropout", FOVEA_AT(training.mil.dropout), 0, 0.999),
      Keys::plain("sampling.balanced", FOVEA_AT(balanced_sampling)),
      Keys::choice<Selection>("selection.rule", FOVEA_AT(selection),
                              {{"score", Selection::kScore}, {"loss", Selection::kLoss}, {"last", Selection::kLast}}),
      Keys::number("selection.patience", FOVEA_AT(patience), 0),
      Keys::number("selection.patience_from", FOVEA_AT(patience_from), 0),
      Keys::choice<Patients>("data.patients", FOVEA_AT(patients),
                             {{"separate", Patients::kSeparate},
                              {"maximum", Patients::kMaximum},
                              {"concatenate", Patients::kConcatenate}}),
      Keys::plain("data.standardise", FOVEA_AT(standardise)),
      Keys::number("data.clip", FOVEA_AT(clip), 0),
  };
  return keys;
}

}  // namespace fovea::pipeline::mil
