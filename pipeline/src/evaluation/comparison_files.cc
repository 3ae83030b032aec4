// comparison.json, comparison.csv and comparison.html.
#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

#include "evaluation/comparison.h"
#include "evaluation/curves.h"
#include "evaluation/page.h"
#include "evaluation/run_context.h"
#include "json_number.h"
#include "output_set.h"
#include "run_scope.h"
#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

using Json = nlohmann::ordered_json;
using slide::exact_text;
using slide::fixed_text;

Json differences_json(const std::vector<Difference>& differences) {
  Json list = Json::array();
  for (const Difference& one : differences)
    list.push_back({{"figure", one.figure},
                    {"difference", number_or_null(one.value)},
                    {"low", one.interval ? number_or_null(one.interval->low) : Json(nullptr)},
                    {"high", one.interval ? number_or_null(one.interval->high) : Json(nullptr)},
                    {"p", one.p},
                    {"p_holm", one.p_holm}});
  return list;
}

Json comparison_json(const Comparison& comparison, const EvaluationOptions& options) {
  Json json{{"fovea_comparison", 1},
            {"version", version()},
            {"task", task_name(comparison.models.front().table.task)},
            {"part", options.part},
            {"slides", comparison.slides},
            {"cases", comparison.cases},
            {"reference", comparison.models.front().name},
            {"bootstrap",
             {{"replicates", options.replicates},
              {"confidence", options.confidence},
              {"seed", options.seed},
              {"unit", "case"}}},
            {"models", Json::array()},
            {"notices", comparison.notices}};
  for (const ComparedModel& model : comparison.models) {
    Json figures = Json::object();
    for (std::size_t f = 0; f < comparison.figures.size(); ++f)
      figures[comparison.figures[f]] = number_or_null(model.values[f]);
    json["models"].push_back({{"name", model.name},
                              {"figures", figures},
                              {"bootstrap", differences_json(model.differences)},
                              {"delong", differences_json(model.delong)}});
  }
  return json;
}

std::string comparison_csv(const Comparison& comparison) {
  std::string text = "model,figure,value,reference,difference,low,high,p,p_holm,test\n";
  const auto add = [&](const ComparedModel& model, const Difference& one, const std::string& values, const char* test) {
    text += slide::csv_cell(model.name) + "," + slide::csv_cell(one.figure) + "," + values + "," +
            exact_text(one.value) + "," + (one.interval ? exact_text(one.interval->low) : "") + "," +
            (one.interval ? exact_text(one.interval->high) : "") + "," + exact_text(one.p) + "," +
            exact_text(one.p_holm) + "," + test + "\n";
  };
  for (std::size_t m = 1; m < comparison.models.size(); ++m) {
    const ComparedModel& model = comparison.models[m];
    for (const Difference& one : model.differences) {
      const auto f = static_cast<std::size_t>(
          std::find(comparison.figures.begin(), comparison.figures.end(), one.figure) - comparison.figures.begin());
      add(model, one, exact_text(model.values[f]) + "," + exact_text(comparison.models[0].values[f]), "bootstrap");
    }
    for (const Difference& one : model.delong) add(model, one, ",", "delong");
  }
  return text;
}

std::string p_cell(double p) {
  return p < 0.001 ? "< 0.001" : fixed_text(p, 3);
}

std::vector<std::string> difference_cells(const std::string& model, const Difference& one) {
  return {model,         figure_words(one.figure), figure_cell(one.value), interval_cell(one.interval),
          p_cell(one.p), p_cell(one.p_holm)};
}

std::string roc_of_models(const Comparison& comparison, std::size_t index) {
  const PredictionTable& first = comparison.models.front().table;
  Chart chart{"ROC, " + first.classes[index], {"false-positive rate", 0, 1}, {"true-positive rate", 0, 1}, {}};
  chart.series.push_back({"", {{0, 0}, {1, 1}}, {}, {}, Series::Style::kLine, -1});
  int colour = 0;
  for (const ComparedModel& model : comparison.models) {
    std::vector<std::size_t> rows = labelled_rows(model.table, "");
    const RankedScores scores(scores_of(model.table, rows, index), positives_of(model.table, rows, index));
    Series series{model.name, thinned(roc_curve(scores), 400)};
    if (const auto area = scores.auroc()) series.name += ", AUROC " + fixed_text(*area, 3);
    series.colour = colour++;
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  return chart_svg(chart);
}

std::string comparison_html(const Comparison& comparison, const EvaluationOptions& options, const RunContext& context) {
  Page page("Comparison of slide models");
  page.notice("For research only. Not a medical device; not for clinical decisions.");
  page.paragraph("Part '" + options.part + "': " + std::to_string(comparison.slides) + " slides of " +
                 std::to_string(comparison.cases) + " cases that all " + std::to_string(comparison.models.size()) +
                 " models predicted; predictions of several seeds and folds for a slide are averaged. Reference: " +
                 comparison.models.front().name + ".");
  for (const std::string& text : comparison.notices) page.notice(text);
  page.section("Figures");
  std::vector<std::string> header{"model"};
  for (const std::string& figure : comparison.figures) header.push_back(figure_words(figure));
  std::vector<std::vector<std::string>> rows, drawn, placed;
  for (const ComparedModel& model : comparison.models) {
    std::vector<std::string>& row = rows.emplace_back(1, model.name);
    for (const double value : model.values) row.push_back(figure_cell(value));
    for (const Difference& one : model.differences) drawn.push_back(difference_cells(model.name, one));
    for (const Difference& one : model.delong) placed.push_back(difference_cells(model.name, one));
  }
  page.table(header, rows);
  const std::vector<std::string> columns{"model", "figure", "difference", "interval", "p", "p (Holm)"};
  if (!placed.empty()) {
    page.section("AUROC, DeLong's test");
    page.table(columns, placed);
    if (comparison.several_slides_a_case)
      page.notice(
          "Some cases have several slides. DeLong's test takes slides for independent, so that its p is too small "
          "here; the bootstrap below resamples cases.");
    page.section("Curves");
    const std::size_t classes = comparison.models.front().table.classes.size();
    for (std::size_t c = classes == 2 ? 1 : 0; c < std::min<std::size_t>(classes, 6); ++c)
      page.figure(roc_of_models(comparison, c), "On the common slides.");
  }
  page.section("All figures, paired bootstrap");
  page.table(columns, drawn);
  page.paragraph("Difference: model minus reference. " + std::to_string(options.replicates) +
                 " replicates; the same resampled cases for both models. p is two-sided; Holm's correction counts the "
                 "models that are compared, for each figure by itself. A difference that is not significant is not "
                 "shown to be none.");
  page.section("Provenance");
  std::vector<std::vector<std::string>> provenance{{"Fovea", version()},
                                                   {"bootstrap seed", std::to_string(options.seed)}};
  for (const auto& [name, value] : context.provenance) provenance.push_back({name, value});
  page.table({"what", "value"}, provenance);
  return page.html();
}

std::string terminal_text(const Comparison& comparison) {
  std::string text = std::to_string(comparison.slides) + " common slides of " + std::to_string(comparison.cases) +
                     " cases; reference " + comparison.models.front().name + "\n";
  for (std::size_t m = 1; m < comparison.models.size(); ++m) {
    const ComparedModel& model = comparison.models[m];
    for (const auto* list : {&model.differences, &model.delong})
      for (const Difference& one : *list) {
        std::string line = "  " + model.name + "  " + one.figure;
        line.resize(std::max<std::size_t>(line.size() + 2, 40), ' ');
        text += line + (one.value >= 0 ? "+" : "") + figure_cell(one.value) + "  p " + p_cell(one.p) + "  Holm " +
                p_cell(one.p_holm) + (list == &model.delong ? "  (DeLong)" : "") + "\n";
      }
  }
  return text;
}

/// The shortest tail of the path that tells the inputs apart.
std::vector<std::string> names_of(const std::vector<std::filesystem::path>& inputs) {
  std::vector<std::string> names;
  for (const std::filesystem::path& input : inputs) {
    const std::filesystem::path clean = std::filesystem::weakly_canonical(input);
    std::string name =
        clean.filename() == "predictions.csv" ? clean.parent_path().filename().string() : clean.stem().string();
    if (std::find(names.begin(), names.end(), name) != names.end())
      name += " (" + std::to_string(names.size() + 1) + ")";
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

EvaluationSummary compare_files(const std::vector<std::filesystem::path>& inputs, const EvaluationOptions& options) {
  std::vector<PredictionTable> tables;
  RunContext context;
  for (const std::filesystem::path& input : inputs) {
    const std::filesystem::path file = std::filesystem::is_directory(input) ? input / "predictions.csv" : input;
    tables.push_back(read_predictions(file));
    add_input(context, file);
  }
  const Comparison comparison = compare(tables, names_of(inputs), options);
  EvaluationSummary summary;
  summary.notices = comparison.notices, summary.text = terminal_text(comparison);
  summary.json = comparison_json(comparison, options).dump(2) + "\n";
  const OutputFolder folder(options.out);
  OutputSet files;
  const auto add = [&](const char* name, const std::string& text) {
    files.add(options.out / name, [&](const std::filesystem::path& path) { io::write_file(path, text); });
  };
  add("comparison.json", summary.json), add("comparison.csv", comparison_csv(comparison));
  add("comparison.html", comparison_html(comparison, options, context));
  summary.outputs = files.commit();
  return summary;
}

}  // namespace fovea::pipeline::evaluation
