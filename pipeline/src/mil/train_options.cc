#include "mil/train_options.h"

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "problems.h"
#include "train/distributed_option.h"
#include "train/recipe_text.h"

namespace fovea::pipeline::mil {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

Recipe recipe_of(const JobValues& values) {
  const Recipe recipe = load_recipe(values.text("recipe"));
  if (values.list("set").empty()) return recipe;
  return recipe_from_json(train::changed_recipe(recipe_json(recipe), values.list("set")), "--set");
}

}  // namespace

std::vector<Parameter> train_parameters() {
  using T = ParameterType;
  const std::string splits = "Splits", run = "Run";
  return {
      {"recipe", T::kText, "Recipe file (JSON), or the name of a built-in one (fovea mil recipe lists them)",
       std::string("acmil")},
      {"bags", T::kFile,
       "Feature bags: a folder with one file a slide (CLAM, TRIDENT, torchmil, ours), an HDF5 file with one group a "
       "slide (ACMIL), or a CSV of instances (label, bag, features)",
       std::string{}, true},
      {"labels", T::kFile,
       "CSV with slide_id and label (survival: time, event), optionally case_id, split, centre; without it the labels "
       "stored in the bags are taken",
       std::string{}},
      {"out", T::kOutputFolder, "Run folder; the same command in the same folder goes on where it stopped",
       std::string{}, true},
      {"set", T::kTextList, "Changes to the recipe: key=value, for example optimiser.learning_rate=5e-4",
       std::vector<std::string>{}},
      {"splits",
       T::kFile,
       "Given splits: CLAM's splits_<k>.csv, ACMIL's split_<k>.json, a folder of either, or a table with slide_id and "
       "fold",
       std::string{},
       false,
       false,
       {},
       splits},
      {"folds",
       T::kInteger,
       "Number of folds to draw, grouped by patient and stratified; 0 = one split",
       std::int64_t{0},
       false,
       false,
       {},
       splits},
      {"val-share",
       T::kNumber,
       "Share of the patients, other than those for testing, that a drawn split validates with",
       0.15,
       false,
       false,
       {},
       splits},
      {"test-share",
       T::kNumber,
       "Share of the patients kept for testing when one split is drawn",
       0.15,
       false,
       false,
       {},
       splits},
      {"test-centres",
       T::kTextList,
       "Centres (column centre) that are the test part",
       std::vector<std::string>{},
       false,
       false,
       {},
       splits},
      {"split-seed",
       T::kInteger,
       "Seed of drawn splits; the same for all seeds of the recipe",
       std::int64_t{0},
       false,
       false,
       {},
       splits},
      {"threads",
       T::kInteger,
       "Processor threads; 0 = all. The same seed and number give the same weights",
       std::int64_t{0},
       false,
       false,
       {},
       run},
      {"cache-mb", T::kInteger, "Bags kept in memory, in MB", std::int64_t{512}, false, false, {}, run},
      {"ahead-mb",
       T::kInteger,
       "Bags read ahead while the network computes, in MB; larger ones are read one at a time",
       std::int64_t{128},
       false,
       false,
       {},
       run},
      train::distributed_parameter(run),
  };
}

TrainOptions train_options(const JobValues& values) {
  TrainOptions o;
  o.recipe = recipe_of(values);
  o.bags = values.text("bags"), o.labels = values.text("labels"), o.out = values.text("out");
  o.splits.splits = values.text("splits"), o.splits.folds = values.integer("folds");
  o.splits.val_share = values.number("val-share"), o.splits.test_share = values.number("test-share");
  o.splits.test_centres = values.list("test-centres");
  o.threads = values.integer("threads");
  o.cache_bytes = values.integer("cache-mb") * kMegabyte, o.ahead_bytes = values.integer("ahead-mb") * kMegabyte;
  std::vector<std::string> problems;
  const auto share = [](double value) { return value >= 0 && value < 1; };
  if (values.integer("split-seed") < 0) problems.push_back("--split-seed must not be negative");
  o.splits.seed = static_cast<std::uint64_t>(values.integer("split-seed"));
  if (o.splits.folds < 0 || o.splits.folds == 1) problems.push_back("--folds must be 0, or 2 and more");
  if (!share(o.splits.val_share) || !share(o.splits.test_share))
    problems.push_back("--val-share and --test-share must be from 0 to below 1");
  if (!o.splits.splits.empty() && (o.splits.folds > 0 || !o.splits.test_centres.empty()))
    problems.push_back("--splits goes with neither --folds nor --test-centres");
  if (o.splits.folds > 0 && !o.splits.test_centres.empty())
    problems.push_back("--folds does not go with --test-centres");
  if (o.threads < 0 || o.cache_bytes < 0 || o.ahead_bytes < 0)
    problems.push_back("--threads, --cache-mb and --ahead-mb must not be negative");
  refuse_problems(problems, "mil train");
  return o;
}

}  // namespace fovea::pipeline::mil
