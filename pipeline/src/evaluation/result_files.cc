#include "evaluation/result_files.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include <fovea/pipeline/job.h>

#include "json_number.h"
#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

using Json = nlohmann::ordered_json;
using slide::exact_text;
using slide::fixed_text;

Json spread_json(const Spread& spread) {
  return {{"mean", number_or_null(spread.mean)}, {"sd", number_or_null(spread.deviation)}, {"n", spread.count}};
}

Json figure_json(const FigureResult& figure) {
  Json json{{"value", number_or_null(figure.value)}};
  json["low"] = figure.interval ? number_or_null(figure.interval->low) : Json(nullptr);
  json["high"] = figure.interval ? number_or_null(figure.interval->high) : Json(nullptr);
  return json;
}

Json class_json(const ClassResult& one) {
  Json json{{"name", one.name}, {"rows", one.support}};
  for (const FigureResult& figure : one.figures) json[figure.name] = figure_json(figure);
  if (one.delong) json["auroc_delong"] = {{"low", one.delong->low}, {"high", one.delong->high}};
  return json;
}

/// Mean of an optional column over the evaluated rows.
Json column_mean(const EvaluationResult& result, std::optional<double> PredictionRow::*column) {
  std::vector<double> values;
  for (const std::size_t row : result.rows)
    if (const auto& value = result.table.rows[row].*column) values.push_back(*value);
  return number_or_null(spread_of(values).mean);
}

Json confusion_json(const Confusion& confusion) {
  Json rows = Json::array();
  for (std::int64_t i = 0; i < confusion.classes; ++i) {
    Json row = Json::array();
    for (std::int64_t j = 0; j < confusion.classes; ++j) row.push_back(confusion.at(i, j));
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

nlohmann::ordered_json metrics_json(const EvaluationResult& result, const EvaluationOptions& options) {
  Json json{{"fovea_evaluation", 1},
            {"version", version()},
            {"task", task_name(result.table.task)},
            {"part", options.part},
            {"classes", result.table.classes},
            {"rows", result.rows.size()},
            {"slides", result.slides},
            {"cases", result.cases},
            {"seeds", result.seeds},
            {"compat", options.torchmetrics ? "torchmetrics" : "fovea"},
            {"bootstrap",
             {{"replicates", options.replicates},
              {"confidence", options.confidence},
              {"seed", options.seed},
              {"unit", "case"}}}};
  for (const FigureResult& figure : result.figures) {
    Json& entry = json["figures"][figure.name] = figure_json(figure);
    entry["over_folds"] = spread_json(figure.over_folds), entry["over_seeds"] = spread_json(figure.over_seeds);
  }
  json["per_class"] = Json::array();
  for (const ClassResult& one : result.classes) json["per_class"].push_back(class_json(one));
  if (result.confusion.classes > 0) json["confusion_true_by_predicted"] = confusion_json(result.confusion);
  json["reliability"] = Json::array();
  for (const ReliabilityBin& bin : result.reliability)
    if (bin.rows > 0)
      json["reliability"].push_back({{"low", bin.low},
                                     {"high", bin.high},
                                     {"rows", bin.rows},
                                     {"confidence", bin.confidence},
                                     {"share", bin.share}});
  json["attention"] = {{"entropy_mean", column_mean(result, &PredictionRow::attention_entropy)},
                       {"top10_mass_mean", column_mean(result, &PredictionRow::top10_mass)}};
  json["notices"] = result.notices;
  return json;
}

std::string per_class_csv(const EvaluationResult& result) {
  std::string text = "class,rows";
  if (!result.classes.empty())
    for (const FigureResult& figure : result.classes.front().figures)
      text += "," + figure.name + "," + figure.name + "_low," + figure.name + "_high";
  text += ",auroc_delong_low,auroc_delong_high\n";
  for (const ClassResult& one : result.classes) {
    text += slide::csv_cell(one.name) + "," + std::to_string(one.support);
    for (const FigureResult& figure : one.figures)
      text += "," + exact_text(figure.value) + "," + (figure.interval ? exact_text(figure.interval->low) : "") + "," +
              (figure.interval ? exact_text(figure.interval->high) : "");
    text += one.delong ? "," + exact_text(one.delong->low) + "," + exact_text(one.delong->high) + "\n" : ",,\n";
  }
  return text;
}

std::string per_fold_csv(const EvaluationResult& result) {
  std::string text = "seed,fold,rows";
  for (const FigureResult& figure : result.figures) text += "," + figure.name;
  text += "\n";
  for (const FoldResult& fold : result.folds) {
    text += std::to_string(fold.seed) + "," + std::to_string(fold.fold) + "," + std::to_string(fold.rows);
    for (const double value : fold.values) text += "," + exact_text(value);
    text += "\n";
  }
  return text;
}

std::string terminal_table(const EvaluationResult& result) {
  std::string text = std::to_string(result.slides) + " slides of " + std::to_string(result.cases) + " cases, " +
                     std::to_string(result.seeds.size()) + (result.seeds.size() == 1 ? " seed, " : " seeds, ") +
                     std::to_string(result.folds.size()) + " folds in all\n";
  const auto cell = [](double value) { return std::isfinite(value) ? fixed_text(value, 3) : std::string("  -  "); };
  for (const FigureResult& figure : result.figures) {
    std::string line = "  " + figure.name;
    line.resize(20, ' ');
    line += cell(figure.value);
    if (figure.interval) line += "  [" + cell(figure.interval->low) + ", " + cell(figure.interval->high) + "]";
    if (result.folds.size() > 1)
      line += "  folds " + cell(figure.over_folds.mean) + " +- " + cell(figure.over_folds.deviation);
    text += line + "\n";
  }
  return text;
}

}  // namespace fovea::pipeline::evaluation
