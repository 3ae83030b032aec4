#include "evaluation/evaluation.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "evaluation/report.h"
#include "evaluation/result_files.h"
#include "output_set.h"
#include "run_scope.h"

namespace fovea::pipeline::evaluation {
namespace {

EvaluationSummary evaluate(PredictionTable table, const std::filesystem::path& out, const EvaluationOptions& options,
                           const RunContext& context, const std::string& subject) {
  const EvaluationResult result = evaluate_table(std::move(table), options, subject);
  EvaluationSummary summary;
  summary.notices = result.notices, summary.text = terminal_table(result);
  summary.json = metrics_json(result, options).dump(2) + "\n";
  const OutputFolder folder(out);
  OutputSet files;
  const auto add = [&](const char* name, const std::string& text) {
    files.add(out / name, [&](const std::filesystem::path& path) { io::write_file(path, text); });
  };
  add("metrics.json", summary.json);
  add("per_fold.csv", per_fold_csv(result));
  if (!result.classes.empty()) add("per_class.csv", per_class_csv(result));
  add("report.html", report_html(result, options, context));
  summary.outputs = files.commit();
  return summary;
}

}  // namespace

EvaluationSummary write_evaluation(const std::filesystem::path& run_folder, const EvaluationOptions& options) {
  const std::filesystem::path out = options.out.empty() ? run_folder : options.out;
  RunContext context = read_run_context(run_folder);
  add_input(context, run_folder / "predictions.csv");
  return evaluate(read_predictions(run_folder / "predictions.csv"), out, options, context, "predictions.csv");
}

EvaluationSummary evaluate_files(const std::vector<std::filesystem::path>& predictions,
                                 const EvaluationOptions& options) {
  std::vector<PredictionTable> tables;
  std::vector<std::string> names;
  RunContext context;
  for (const std::filesystem::path& path : predictions) {
    tables.push_back(read_predictions(path));
    names.push_back(path.filename().string());
    add_input(context, path);
  }
  if (tables.empty()) throw Error(ErrorCode::kUsage, "--predictions", "no table is given", "Name at least one.");
  return evaluate(joined_tables(std::move(tables), names), options.out, options, context, names.front());
}

}  // namespace fovea::pipeline::evaluation
