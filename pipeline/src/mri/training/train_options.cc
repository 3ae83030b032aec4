#include "mri/training/train_options.h"

#include <nlohmann/json.hpp>

#include "problems.h"
#include "train/recipe_text.h"

namespace fovea::pipeline::mri::training {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

}  // namespace

Recipe changed(const Recipe& recipe, const std::vector<std::string>& changes) {
  if (changes.empty()) return recipe;
  return recipe_from_json(pipeline::train::changed_recipe(recipe_json(recipe), changes), "--set");
}

std::vector<Parameter> training_parameters() {
  using T = ParameterType;
  const std::string data = "Data", run = "Run";
  return {
      {.name = "recipe",
       .type = T::kText,
       .help = "Recipe file (JSON), or the name of a built-in one (fovea mri recipe lists them)",
       .fallback = std::string("agunet")},
      {.name = "cases",
       .type = T::kFile,
       .help = "CSV with the columns case, image (or one a modality of the recipe), label, and perhaps patient, class, "
               "split, fold, centre; relative paths start at its folder",
       .fallback = std::string{}},
      {.name = "slices",
       .type = T::kFolder,
       .help =
           "Instead of --cases: a folder with index.csv (id, class, split or fold), images/<id>.png, masks/<id>.png",
       .fallback = std::string{}},
      {.name = "out",
       .type = T::kOutputFolder,
       .help = "Run folder; the same command in the same folder goes on where it stopped",
       .fallback = std::string{},
       .required = true},
      {.name = "set",
       .type = T::kTextList,
       .help = "Changes to the recipe: key=value, for example epochs=20",
       .fallback = std::vector<std::string>{}},
      {.name = "data-note",
       .type = T::kText,
       .help = "A sentence for the model card: where the data come from and their licence",
       .fallback = std::string{},
       .group = data},
      {.name = "val-fold",
       .type = T::kText,
       .help = "Validate on this fold of the table's column fold and train on the others",
       .fallback = std::string{},
       .group = data},
      {.name = "test-fold",
       .type = T::kText,
       .help = "With --val-fold: keep this fold for testing",
       .fallback = std::string{},
       .group = data},
      {.name = "folds",
       .type = T::kInteger,
       .help = "Number of folds to draw, grouped by patient; each is tested once. 0 = one split",
       .fallback = std::int64_t{0},
       .group = data},
      {.name = "val-share",
       .type = T::kNumber,
       .help = "Share of the patients, other than those for testing, that a drawn split validates with",
       .fallback = 0.15,
       .group = data},
      {.name = "test-share",
       .type = T::kNumber,
       .help = "Share of the patients kept for testing when one split is drawn",
       .fallback = 0.15,
       .group = data},
      {.name = "split-seed",
       .type = T::kInteger,
       .help = "Seed of drawn splits",
       .fallback = std::int64_t{0},
       .group = data},
      {.name = "bootstrap",
       .type = T::kInteger,
       .help = "Replicates of the evaluation's intervals, 0 for none",
       .fallback = std::int64_t{1000},
       .group = run},
      {.name = "threads",
       .type = T::kInteger,
       .help = "Processor threads; 0 = all. The same seed and number give the same weights",
       .fallback = std::int64_t{0},
       .group = run},
      {.name = "workers",
       .type = T::kInteger,
       .help = "Threads that prepare images beside the network; their number does not change the result",
       .fallback = std::int64_t{1},
       .group = run},
      {.name = "cache-mb",
       .type = T::kInteger,
       .help = "Prepared images kept in memory, in MB",
       .fallback = std::int64_t{2048},
       .group = run},
  };
}

TrainingOptions training_options(const JobValues& values, const char* command) {
  TrainingOptions o;
  o.recipe = changed(load_recipe(values.text("recipe")), values.list("set"));
  o.cases = values.text("cases"), o.slices = values.text("slices"), o.out = values.text("out");
  o.data_note = values.text("data-note");
  o.folds.val_fold = values.text("val-fold"), o.folds.test_fold = values.text("test-fold");
  o.folds.folds = values.integer("folds");
  o.folds.val_share = values.number("val-share"), o.folds.test_share = values.number("test-share");
  o.workers = values.integer("workers"), o.cache_bytes = values.integer("cache-mb") * kMegabyte;
  o.replicates = values.integer("bootstrap");
  std::vector<std::string> problems;
  const auto share = [](double value) { return value >= 0 && value < 1; };
  if (o.cases.empty() == o.slices.empty()) problems.push_back("one of --cases and --slices is needed");
  if (values.integer("split-seed") < 0) problems.push_back("--split-seed must not be negative");
  o.folds.seed = static_cast<std::uint64_t>(values.integer("split-seed"));
  if (o.folds.folds < 0 || o.folds.folds == 1) problems.push_back("--folds must be 0, or 2 and more");
  if (o.folds.folds > 0 && !o.folds.val_fold.empty()) problems.push_back("--folds does not go with --val-fold");
  if (o.folds.val_fold.empty() && !o.folds.test_fold.empty()) problems.push_back("--test-fold needs --val-fold");
  if (!share(o.folds.val_share) || !share(o.folds.test_share))
    problems.push_back("--val-share and --test-share must be from 0 to below 1");
  if (values.integer("threads") < 0 || o.workers < 1 || o.cache_bytes < 0 || o.replicates < 0)
    problems.push_back("--threads, --cache-mb and --bootstrap must not be negative, --workers at least 1");
  refuse_problems(problems, command);
  return o;
}

}  // namespace fovea::pipeline::mri::training
