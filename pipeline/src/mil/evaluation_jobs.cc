// `mil evaluate` and `mil compare`: from predictions to figures, tables and a page.
#include "jobs/jobs.h"

#include <fovea/base/error.h>

#include "evaluation/comparison.h"
#include "evaluation/evaluation.h"
#include "progress.h"

namespace fovea::pipeline {
namespace {

std::vector<Parameter> shared_parameters() {
  return {
      {"part", ParameterType::kText, "Rows that count: test, val or train", std::string("test")},
      {"bootstrap", ParameterType::kInteger, "Replicates of the bootstrap, 0 for none", std::int64_t{1000}},
      {"confidence", ParameterType::kNumber, "Of every interval, between 0 and 1", 0.95},
      {"seed", ParameterType::kInteger, "Of the bootstrap", std::int64_t{0}},
      {"metrics-compat",
       ParameterType::kChoice,
       "How a class without rows counts: fovea leaves it out of means, torchmetrics counts an AUROC of 0",
       std::string("fovea"),
       false,
       false,
       {"fovea", "torchmetrics"}},
  };
}

evaluation::EvaluationOptions options_of(const JobValues& values, ProgressMeter& meter) {
  evaluation::EvaluationOptions options;
  options.out = values.text("out"), options.part = values.text("part");
  options.replicates = values.integer("bootstrap"), options.confidence = values.number("confidence");
  options.seed = static_cast<std::uint64_t>(values.integer("seed"));
  options.torchmetrics = values.text("metrics-compat") == "torchmetrics";
  options.progress = [&meter](double done) { meter.advance(done); };
  std::string problem;
  if (options.replicates < 0 || options.replicates > 1'000'000) problem = "--bootstrap lies between 0 and a million";
  if (!(options.confidence > 0 && options.confidence < 1)) problem = "--confidence lies between 0 and 1";
  if (!problem.empty())
    throw Error(ErrorCode::kUsage, "fovea " + values.request().kind, problem, "Correct the option.");
  return options;
}

JobResult result_of(evaluation::EvaluationSummary summary) {
  JobResult result;
  result.outputs = std::move(summary.outputs), result.notices = std::move(summary.notices);
  result.text = std::move(summary.text), result.json = std::move(summary.json);
  return result;
}

std::vector<std::filesystem::path> paths_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

JobResult run_evaluate(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  ProgressMeter meter(sink, std::move(stop));
  const evaluation::EvaluationOptions options = options_of(values, meter);
  const std::string& run = values.text("run");
  const std::vector<std::string>& predictions = values.list("predictions");
  if (run.empty() == predictions.empty() || (run.empty() && options.out.empty()))
    throw Error(ErrorCode::kUsage, "fovea mil evaluate", "give either --run, or --predictions and --out",
                "See fovea mil evaluate --help.");
  meter.stage("evaluating", 0, 1);
  return result_of(run.empty() ? evaluation::evaluate_files(paths_of(predictions), options)
                               : evaluation::write_evaluation(run, options));
}

JobResult run_compare(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  ProgressMeter meter(sink, std::move(stop));
  const evaluation::EvaluationOptions options = options_of(values, meter);
  meter.stage("comparing", 0, 1);
  return result_of(evaluation::compare_files(paths_of(values.list("models")), options));
}

}  // namespace

JobKind mil_evaluate_job() {
  JobKind kind;
  kind.name = "mil evaluate";
  kind.summary = "Figures with intervals, tables and a report from predictions";
  kind.details =
      "Reads predictions.csv of a run folder, or tables anywhere. Writes metrics.json, per_class.csv, per_fold.csv and "
      "report.html (one self-contained page), all or nothing.\n"
      "Exit codes: 0 done, 1 wrong usage or no labelled row, 3 could not run, 130 cancelled.\n"
      "Example: fovea mil evaluate --run run1\n"
      "Example: fovea mil evaluate --predictions a.csv,b.csv --out figures";
  kind.parameters = {
      {"run", ParameterType::kFolder, "Folder of `mil train` or `mil predict`"},
      {"predictions", ParameterType::kFileList, "Tables of predictions, taken together"},
      {"out", ParameterType::kOutputFolder, "Where to write; with --run its own folder unless given"},
  };
  for (Parameter& parameter : shared_parameters()) kind.parameters.push_back(std::move(parameter));
  kind.run = run_evaluate;
  return kind;
}

JobKind mil_compare_job() {
  JobKind kind;
  kind.name = "mil compare";
  kind.summary = "Is one model better than another on the same slides?";
  kind.details =
      "Run folders or predictions.csv; the first is the reference. Slides are matched by slide_id; predictions of "
      "several "
      "seeds and folds are averaged.\n"
      "DeLong's test for AUROCs, a paired bootstrap by patient for every figure, Holm's correction over several "
      "models. "
      "Writes comparison.json, comparison.csv and comparison.html.\n"
      "Exit codes: 0 done, 1 wrong usage or nothing in common, 3 could not run, 130 cancelled.\n"
      "Example: fovea mil compare abmil_run acmil_run --out comparison";
  kind.parameters = {
      {.name = "models",
       .type = ParameterType::kFileList,
       .help = "Two or more run folders or tables of predictions",
       .required = true,
       .positional = true},
      {.name = "out", .type = ParameterType::kOutputFolder, .help = "Where to write", .required = true},
  };
  for (Parameter& parameter : shared_parameters()) kind.parameters.push_back(std::move(parameter));
  kind.run = run_compare;
  return kind;
}

}  // namespace fovea::pipeline
