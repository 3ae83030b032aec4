#include "mri/training/model_card.h"

#include <algorithm>
#include <numeric>

#include <nlohmann/json.hpp>

#include <fovea/pipeline/job.h>

#include "model_metadata.h"
#include "problems.h"
#include "slide/words.h"

namespace fovea::pipeline::mri::training {
namespace {

using Json = nlohmann::json;
using slide::fixed_text;
using slide::number_text;

constexpr const char* kForms[] = {"whole head", "boxes of a volume", "single slices", "stacks of slices"};

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string size_words(const Recipe& recipe) {
  std::string text;
  for (const std::int64_t n : recipe.size) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return text;
}

std::string network_words(const Recipe& recipe) {
  const models::SegConfig& n = recipe.network;
  std::string text = n.architecture + ", " + std::to_string(n.dims) + "-D, channels ";
  for (std::size_t i = 0; i < n.filters.size(); ++i) text += (i ? "-" : "") + std::to_string(n.filters[i]);
  if (n.architecture == "agunet" && !n.attention) text += ", no gates";
  if (!n.multi_scale) text += ", no input pyramid";
  if (!n.deep_supervision) text += ", one head";
  return text;
}

std::string training_words(const Recipe& recipe) {
  const auto& t = recipe.training;
  std::string text = std::string(t.rates.l2 ? "Adam" : "AdamW") + " " + number_text(t.rates.learning_rate) +
                     ", batch " + std::to_string(t.rates.batch);
  if (t.accumulate > 1) text += " x " + std::to_string(t.accumulate);
  text += ", at most " + std::to_string(t.rates.epochs) + " epochs";
  if (t.average > 0) text += ", moving average of the weights " + number_text(t.average);
  if (recipe.dropout.most > 0) text += ", gradual modality dropout to " + number_text(recipe.dropout.most);
  return text;
}

/// Figures of each set of modalities that was validated, by their names: "swan+dwi".
Json availability_of(const Recipe& recipe, const FoldResult& result) {
  Json table = Json::object();
  for (const Pattern& pattern : patterns_of(recipe)) {
    std::vector<std::string> shown;
    for (std::size_t m = 0; m < recipe.modalities.size(); ++m)
      if (pattern.shown[m]) shown.push_back(recipe.modalities[m]);
    double found = 0, dice = 0;
    std::int64_t cases = 0;
    for (const FoldCase& each : result.cases)
      if (each.result.files.pattern == pattern.name && each.result.metrics.reference_ml > 0)
        found += each.result.metrics.detection.overlap, dice += each.result.metrics.voxel.dice, ++cases;
    if (cases > 0)
      table[joined(shown, "+")] = {{"cases", cases},
                                   {"detection_rate", found / static_cast<double>(cases)},
                                   {"dice", dice / static_cast<double>(cases)}};
  }
  return table;
}

}  // namespace

std::vector<DiceFigure> dice_figures(const FoldResult& result) {
  std::map<std::pair<std::string, std::string>, std::vector<const CaseMetrics*>> groups;
  for (const FoldCase& each : result.cases)
    if (each.result.usable() && each.result.metrics.reference_ml > 0 &&
        (each.result.files.pattern.empty() || each.result.files.pattern == "all"))
      groups[{each.part, each.class_name}].push_back(&each.result.metrics);
  std::vector<DiceFigure> figures;
  for (const auto& [key, metrics] : groups) {
    std::vector<double> dice;
    DiceFigure figure{key.second, key.first, metrics.size()};
    for (const CaseMetrics* m : metrics) {
      dice.push_back(m->voxel.dice);
      figure.detected += (m->detection.overlap ? 1.0 : 0.0) / static_cast<double>(metrics.size());
    }
    figure.mean = std::accumulate(dice.begin(), dice.end(), 0.0) / static_cast<double>(dice.size());
    figure.median = median_of(std::move(dice));
    figures.push_back(std::move(figure));
  }
  return figures;
}

std::map<std::string, std::string> model_metadata(const RunData& run, const Training& training,
                                                  const FoldResult& result) {
  const Recipe& recipe = run.recipe;
  std::vector<std::string> labels{"background"};
  labels.insert(labels.end(), recipe.classes.begin(), recipe.classes.end());
  Json figures = Json::array();
  for (const DiceFigure& f : dice_figures(result))
    figures.push_back({{"class", f.class_name},
                       {"part", f.part},
                       {"cases", f.cases},
                       {"dice_mean", f.mean},
                       {"dice_median", f.median},
                       {"detected", f.detected}});
  Json training_json{{"recipe", recipe.name},
                     {"seed", training.seed},
                     {"fold", training.fold},
                     {"epoch", training.kept_epoch + 1},
                     {"train_cases", training.train_cases},
                     {"val_cases", training.val_cases},
                     {"figures", figures}};
  std::map<std::string, std::string> metadata{
      {"fovea.task", "segmentation"},
      {"fovea.architecture", recipe.network.architecture},
      {"fovea.config", config_json(network_of(recipe))},
      {"fovea.labels", Json(labels).dump()},
      {"fovea.preprocessing", preprocessing_json(recipe).dump()},
      {"fovea.training", training_json.dump()},
      {"fovea.card", (run.data_note.empty() ? "" : run.data_note + " ") + "Trained by fovea mri train (recipe " +
                         recipe.name + "). Research only; not for clinical decisions."}};
  if (recipe.modalities.size() > 1) metadata["fovea.availability"] = availability_of(recipe, result).dump();
  return metadata;
}

std::string model_card(const RunData& run, const Training& training, const FoldResult& result,
                       const std::string& sha256) {
  const Recipe& recipe = run.recipe;
  std::string text = "# " + (recipe.name.empty() ? recipe.network.architecture : recipe.name) +
                     "\n\nWritten by `fovea mri train` (version " + version() + "). SHA-256 `" + sha256 +
                     "`.\n\n| | |\n|---|---|\n";
  text += "| network | " + network_words(recipe) + ", " + std::to_string(result.parameters) + " parameters |\n";
  text += "| input | " + std::string(kForms[static_cast<std::size_t>(recipe.form)]) + ", " + size_words(recipe);
  if (recipe.spacing_mm > 0) text += " at " + number_text(recipe.spacing_mm) + " mm";
  text += "; " + joined(recipe.modalities, ", ") + " |\n| classes | " + joined(recipe.classes, ", ") + " |\n";
  text += "| training | " + training_words(recipe) + ", seed " + std::to_string(training.seed) + ", epoch " +
          std::to_string(training.kept_epoch + 1) + " kept |\n\n## Data\n\n";
  if (!run.data_note.empty()) text += run.data_note + "\n\n";
  text += "Trained on " + std::to_string(training.train_cases) + " cases, " + std::to_string(training.val_cases) +
          " for validation, which also chose the epoch.\n\n## Figures\n\n";
  const std::vector<DiceFigure> figures = dice_figures(result);
  if (figures.empty())
    text += "No case was kept for validation: nothing is known about its accuracy.\n";
  else
    text += "| part | class | cases | Dice mean | Dice median | found |\n|---|---|---|---|---|---|\n";
  for (const DiceFigure& f : figures)
    text += "| " + f.part + " | " + f.class_name + " | " + std::to_string(f.cases) + " | " + fixed_text(f.mean, 3) +
            " | " + fixed_text(f.median, 3) + " | " + fixed_text(100 * f.detected, 1) + " % |\n";
  text +=
      "\nOver the cases that hold the class, on the network's own voxels. Where every case of the data holds a lesion, "
      "the figures say nothing about false alarms on healthy scans.\n";
  return text + "\n## Not for\n\nResearch software. Not a medical device; not for clinical decisions.\n";
}

}  // namespace fovea::pipeline::mri::training
