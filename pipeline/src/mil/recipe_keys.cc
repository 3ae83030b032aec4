#include "mil/recipe_keys.h"

#include <cmath>
#include <limits>
#include <utility>

namespace fovea::pipeline::mil {
namespace {

using Json = nlohmann::json;
using Written = nlohmann::ordered_json;
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// A member, or a member of a member: called with a Recipe, const or not.
template <class At>
using TypeOf = std::remove_reference_t<decltype(std::declval<At>()(std::declval<Recipe&>()))>;

std::string outside(double low, double high) {
  const auto text = [](double value) { return Written(value).dump(); };
  return high == kNoLimit ? "must be at least " + text(low) : "must lie between " + text(low) + " and " + text(high);
}

template <class At>
RecipeKey number(std::string path, At at, double low, double high = kNoLimit) {
  return {std::move(path),
          [=](Recipe& recipe, const Json& value) -> std::string {
            // get<> would cut 2.5 to 2 and take true for 1.
            if (!value.is_number() || (std::is_integral_v<TypeOf<At>> && !value.is_number_integer()))
              return std::is_integral_v<TypeOf<At>> ? "must be a whole number" : "must be a number";
            const auto given = value.get<double>();
            if (!(given >= low && given <= high)) return outside(low, high);
            at(recipe) = value.get<TypeOf<At>>();
            return {};
          },
          [=](const Recipe& recipe) { return Written(at(recipe)); }};
}

/// null stands for "the network's own".
template <class At>
RecipeKey optional_number(std::string path, At at, double low, double high = kNoLimit) {
  return {std::move(path),
          [=](Recipe& recipe, const Json& value) -> std::string {
            at(recipe).reset();
            if (value.is_null()) return {};
            if (!value.is_number()) return "must be a number or null";
            const auto given = value.get<double>();
            if (!(given >= low && given <= high)) return outside(low, high);
            at(recipe) = given;
            return {};
          },
          [=](const Recipe& recipe) { return at(recipe) ? Written(*at(recipe)) : Written(nullptr); }};
}

template <class At>
RecipeKey plain(std::string path, At at) {
  return {std::move(path),
          [=](Recipe& recipe, const Json& value) -> std::string {
            at(recipe) = value.get<TypeOf<At>>();
            return {};
          },
          [=](const Recipe& recipe) { return Written(at(recipe)); }};
}

template <class Enum>
using Names = std::vector<std::pair<const char*, Enum>>;

template <class Enum, class At>
RecipeKey choice(std::string path, At at, Names<Enum> names) {
  return {std::move(path),
          [=](Recipe& recipe, const Json& value) -> std::string {
            std::string known;
            for (const auto& [name, meaning] : names) {
              if (value.get<std::string>() == name) {
                at(recipe) = meaning;
                return {};
              }
              known += (known.empty() ? "" : ", ") + std::string(name);
            }
            return "must be one of " + known;
          },
          [=](const Recipe& recipe) {
            for (const auto& [name, meaning] : names)
              if (at(recipe) == meaning) return Written(name);
            return Written(nullptr);
          }};
}

RecipeKey architecture_key() {
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

RecipeKey layers_key() {
  return {"model.layers",
          [](Recipe& recipe, const Json& value) -> std::string {
            recipe.layers = value.get<std::string>();
            return recipe.layers.find_first_not_of("lg") == std::string::npos ? "" : "must be letters l and g";
          },
          [](const Recipe& recipe) { return Written(recipe.layers); }};
}

RecipeKey seeds_key() {
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

// In a lambda of its own for every key: a member pointer cannot reach into a nested struct.
#define FOVEA_AT(member) \
  [](auto& r) -> auto& { \
    return r.member;     \
  }

const std::vector<RecipeKey>& recipe_keys() {
  using evaluation::Task;
  using Schedule = models::TrainOptions::Schedule;
  static const std::vector<RecipeKey> keys{
      plain("name", FOVEA_AT(name)),
      architecture_key(),
      number("model.inner", FOVEA_AT(inner), 0, 65536),
      number("model.attention", FOVEA_AT(attention), 0, 65536),
      number("model.branches", FOVEA_AT(branches), 0, 1024),
      layers_key(),
      number("model.window", FOVEA_AT(window), 1, 999),
      choice<Task>("task.kind", FOVEA_AT(task),
                   {{"classification", Task::kClassification},
                    {"multi-label", Task::kMultiLabel},
                    {"survival", Task::kSurvival},
                    {"regression", Task::kRegression}}),
      plain("task.classes", FOVEA_AT(classes)),
      number("task.bins", FOVEA_AT(bins), 2, 64),
      number("task.uncensored_weight", FOVEA_AT(uncensored_weight), 0, 1),
      choice<bool>("task.loss", FOVEA_AT(huber), {{"square", false}, {"huber", true}}),
      choice<bool>("optimiser.name", FOVEA_AT(training.l2), {{"adamw", false}, {"adam", true}}),
      number("optimiser.learning_rate", FOVEA_AT(training.learning_rate), 1e-12, 10),
      number("optimiser.weight_decay", FOVEA_AT(training.weight_decay), 0, 10),
      choice<Schedule>(
          "schedule.name", FOVEA_AT(training.schedule),
          {{"cosine", Schedule::kCosine}, {"constant", Schedule::kConstant}, {"one-cycle", Schedule::kOneCycle}}),
      number("schedule.warm_up_epochs", FOVEA_AT(warm_up_epochs), 0),
      number("schedule.lowest_rate", FOVEA_AT(training.lowest_rate), 0, 10),
      number("epochs", FOVEA_AT(training.epochs), 1, 100000),
      seeds_key(),
      number("accumulate", FOVEA_AT(training.mil.accumulate), 1, 100000),
      optional_number("loss.diversity", FOVEA_AT(training.mil.loss.diversity), 0),
      number("loss.aem.weight", FOVEA_AT(training.mil.loss.aem_lambda), 0),
      number("loss.aem.top_k", FOVEA_AT(training.mil.loss.entropy.top_k), 0),
      plain("loss.aem.normalise", FOVEA_AT(training.mil.loss.entropy.normalise)),
      choice<bool>("loss.aem.schedule", FOVEA_AT(training.mil.anneal_aem), {{"constant", false}, {"cosine", true}}),
      number("loss.adversarial.weight", FOVEA_AT(training.mil.loss.adversarial.weight), 0),
      number("loss.adversarial.eps", FOVEA_AT(training.mil.loss.adversarial.eps), 0),
      choice<bool>("loss.adversarial.kind", FOVEA_AT(training.mil.loss.adversarial.unlabelled),
                   {{"labelled", false}, {"unlabelled", true}}),
      plain("loss.instance.on", FOVEA_AT(training.mil.loss.instance_loss)),
      number("loss.instance.bag_weight", FOVEA_AT(training.mil.loss.bag_weight), 0, 1),
      number("loss.instance.samples", FOVEA_AT(training.mil.loss.instance_samples), 1, 100000),
      plain("loss.instance.subtyping", FOVEA_AT(training.mil.loss.subtyping)),
      plain("loss.balanced", FOVEA_AT(balanced_loss)),
      number("stkim.candidates", FOVEA_AT(training.mil.stkim.n_masked), 0),
      number("stkim.drop", FOVEA_AT(training.mil.stkim.mask_drop), 0, 1),
      number("instances.subsample", FOVEA_AT(training.mil.subsample), 1e-6, 1),
      number("instances.drop", FOVEA_AT(training.mil.drop_instances), 0, 0.999),
      optional_number("dropout", FOVEA_AT(training.mil.dropout), 0, 0.999),
      plain("sampling.balanced", FOVEA_AT(balanced_sampling)),
      choice<Selection>("selection.rule", FOVEA_AT(selection),
                        {{"score", Selection::kScore}, {"loss", Selection::kLoss}, {"last", Selection::kLast}}),
      number("selection.patience", FOVEA_AT(patience), 0),
      number("selection.patience_from", FOVEA_AT(patience_from), 0),
      choice<Patients>("data.patients", FOVEA_AT(patients),
                       {{"separate", Patients::kSeparate},
                        {"maximum", Patients::kMaximum},
                        {"concatenate", Patients::kConcatenate}}),
      plain("data.standardise", FOVEA_AT(standardise)),
      number("data.clip", FOVEA_AT(clip), 0),
  };
  return keys;
}
#undef FOVEA_AT

}  // namespace fovea::pipeline::mil
