#include <fovea/pipeline/training_view.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/pipeline/text_file.h>

#include "mil/recipe.h"
#include "mri/training/recipe.h"
#include "slide/csv_table.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kSlides = "mil train";
constexpr const char* kScans = "mri train";

TrainingRecipe facts_of(const Json& json, std::string name, std::string_view summary) {
  TrainingRecipe facts;
  facts.name = std::move(name), facts.summary = summary;
  const Json none = Json::object();
  const Json& network = json.contains("network") ? json["network"] : json.contains("model") ? json["model"] : none;
  facts.architecture = network.value("architecture", "");
  facts.epochs = json.value("epochs", std::int64_t{0});
  facts.seeds = json.value("seeds", std::vector<std::int64_t>{0});
  if (json.contains("optimiser")) facts.learning_rate = json["optimiser"].value("learning_rate", 0.0);
  return facts;
}

template <class Recipes, class ToJson>
std::vector<TrainingRecipe> listed(const Recipes& recipes, ToJson to_json) {
  std::vector<TrainingRecipe> list;
  for (const auto& each : recipes) list.push_back(facts_of(to_json(each.recipe), std::string(each.name), each.summary));
  return list;
}

/// An object of a file that a run wrote, or an empty one.
Json object_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  Json json = Json::parse(std::string{std::istreambuf_iterator<char>(stream), {}}, nullptr, false);
  return json.is_object() ? json : Json::object();
}

double number_of(const std::string& cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return error == std::errc{} && end == cell.data() + cell.size() && !cell.empty()
             ? value
             : std::numeric_limits<double>::quiet_NaN();
}

void read_history(const fs::path& file, TrainingFold& fold) {
  const slide::CsvTable table = slide::read_csv_table(file);
  fold.epochs.clear(), fold.curves.clear();
  for (const auto& row : table.rows) {
    if (row.cells.size() != table.columns.size()) continue;
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      const std::string& name = table.columns[column];
      if (name == "seed" || name == "fold") continue;
      (name == "epoch" ? fold.epochs : fold.curves[name]).push_back(number_of(row.cells[column]));
    }
  }
}

std::string stamp_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return {};
  return std::to_string(size) + " " + std::to_string(fs::last_write_time(file, error).time_since_epoch().count());
}

/// "seed_3" to "3"; empty for other names.
std::string after(const std::string& name, std::string_view prefix) {
  return name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : std::string{};
}

/// Numbers in their order, then names.
bool earlier(const std::string& a, const std::string& b) {
  const double x = number_of(a), y = number_of(b);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) == std::isnan(y) ? a < b : !std::isnan(x);
  return x < y;
}

/// The names of the folds that the run drew or was given: splits/splits_0.csv, splits/fold_centre-a.csv.
std::vector<std::string> planned_folds(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / "splits", ignored)) {
    const std::string stem = entry.path().stem().string();
    for (const char* prefix : {"splits_", "fold_"})
      if (const std::string name = after(stem, prefix); !name.empty()) names.push_back(name);
  }
  std::sort(names.begin(), names.end(), earlier);
  return names;
}

void take_fold(const fs::path& folder, const TrainingFold* before, TrainingFold& fold) {
  const fs::path place = folder / ("seed_" + std::to_string(fold.seed)) / ("fold_" + fold.fold);
  std::error_code ignored;
  fold.begun = fs::exists(place, ignored);
  if (!fold.begun) return;
  const fs::path history = place / "history.csv", model = place / "model.safetensors";
  fold.trained = fs::exists(model, ignored);
  if (fold.trained) fold.model = model;
  fold.stamp = stamp_of(history);
  if (fold.stamp.empty()) return;
  if (before && before->stamp == fold.stamp) {
    fold.epochs = before->epochs, fold.curves = before->curves;
    return;
  }
  try {
    read_history(history, fold);
  } catch (const Error&) {
    fold.stamp.clear();  // taken away meanwhile
  }
}

const TrainingFold* same_fold(const TrainingRun* run, const TrainingFold& fold) {
  if (!run) return nullptr;
  for (const TrainingFold& each : run->folds)
    if (each.seed == fold.seed && each.fold == fold.fold) return &each;
  return nullptr;
}

std::string kind_of(const fs::path& folder, const Json& recipe) {
  const std::string kind = object_of(folder / kJobRequest).value("kind", "");
  if (kind == kSlides || kind == kScans) return kind;
  return recipe.empty() ? std::string{} : recipe.contains("network") ? kScans : kSlides;
}

}  // namespace

std::vector<TrainingRecipe> builtin_training_recipes(std::string_view kind) {
  return kind == kScans ? listed(mri::training::builtin_recipes(), mri::training::recipe_json)
                        : listed(mil::builtin_recipes(), mil::recipe_json);
}

TrainingRecipe training_recipe(std::string_view kind, const std::string& name_or_file) {
  const Json json = kind == kScans ? mri::training::recipe_json(mri::training::load_recipe(name_or_file))
                                   : mil::recipe_json(mil::load_recipe(name_or_file));
  return facts_of(json, json.value("name", ""), {});
}

std::int64_t TrainingFold::best() const {
  for (const char* column : {"val_dice", "val_auc"}) {
    const auto found = curves.find(column);
    if (found == curves.end()) continue;
    std::int64_t best = -1;
    for (std::size_t row = 0; row < found->second.size(); ++row)
      if (std::isfinite(found->second[row]) &&
          (best < 0 || found->second[row] > found->second[static_cast<std::size_t>(best)]))
        best = static_cast<std::int64_t>(row);
    return best;
  }
  return -1;
}

bool TrainingRun::all_trained() const {
  return !folds.empty() && std::all_of(folds.begin(), folds.end(), [](const auto& fold) { return fold.trained; });
}

TrainingRun read_training_run(const fs::path& folder, const TrainingRun* before) {
  const Json recipe = object_of(folder / "recipe.json");
  TrainingRun run;
  run.kind = kind_of(folder, recipe);
  if (run.kind.empty())
    throw Error(ErrorCode::kNotFound, folder.filename().string(), "there is no training run in this folder",
                "Choose the --out folder of fovea mil train or fovea mri train.");
  run.status = read_job_status(folder / kJobStatus);
  std::error_code ignored;
  try {
    const TrainingRecipe facts = facts_of(recipe, recipe.value("name", ""), {});
    run.recipe = facts.name, run.architecture = facts.architecture, run.epochs = facts.epochs;
    if (recipe.empty()) return run;  // it has not come so far
    for (const std::int64_t seed : facts.seeds)
      for (const std::string& name : planned_folds(folder)) {
        TrainingFold fold;
        fold.seed = seed, fold.fold = name;
        take_fold(folder, same_fold(before, fold), fold);
        run.folds.push_back(std::move(fold));
      }
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kCorrupt, folder.filename().string(), "its recipe.json is damaged",
                "Train again in another folder.");
  }
  for (const char* report : {"report.html", "evaluation/report.html"})
    if (fs::exists(folder / report, ignored)) run.report = folder / report;
  run.resumable = fs::exists(folder / kJobRequest, ignored) && run.status.state != JobStatus::State::kRunning &&
                  !(run.status.state == JobStatus::State::kDone);
  return run;
}

void resume_training(const fs::path& folder) {
  const fs::path file = folder / kJobRequest;
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    throw Error(ErrorCode::kNotFound, folder.filename().string(), "this run was not started in a window",
                "Give the same command again that started it, or choose its data and start it in the same folder.");
  start_background(job_from_json(read_text_file(file), file.filename().string()), folder);
}

void keep_model(const fs::path& model, const fs::path& target) {
  io::prepare_output_folder(target.parent_path());
  io::write_file(target, read_text_file(model));
}

}  // namespace fovea::pipeline
