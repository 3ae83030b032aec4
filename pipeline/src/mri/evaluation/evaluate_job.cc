// `mri evaluate`: segmentations against references, from files to figures.
#include "jobs/jobs.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "mri/evaluation/evaluation_files.h"
#include "output_set.h"
#include "problems.h"
#include "progress.h"
#include "run_scope.h"

namespace fovea::pipeline {
namespace mri {
namespace {

std::optional<double> number_in(const std::string& text, double low, double high) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high)) return {};
  return value;
}

struct EvaluateOptions {
  std::filesystem::path pairs, predictions, references, out;
  CaseSettings cases;
  CohortSettings cohort;
};

EvaluateOptions evaluate_options(const JobValues& values) {
  EvaluateOptions o;
  std::vector<std::string> problems;
  o.pairs = values.text("pairs"), o.predictions = values.text("predictions"), o.references = values.text("references");
  o.out = values.text("out");
  if (o.pairs.empty() == (o.predictions.empty() && o.references.empty()) ||
      o.predictions.empty() != o.references.empty())
    problems.push_back("give either --pairs, or --predictions and --references");
  const std::string& threshold = values.text("threshold");
  if (threshold == "best") {
    o.cases.source = MaskSource::kBest;
  } else if (const auto number = number_in(threshold, 0, 1); number && threshold != "labels") {
    o.cases.source = MaskSource::kThreshold, o.cases.threshold = *number;
  } else if (threshold != "labels") {
    problems.push_back("--threshold is labels, best or a number from 0 to 1");
  }
  o.cohort.overlaps.clear();
  for (const std::string& text : values.list("overlaps")) {
    const auto overlap = number_in(text, 0, 1);
    if (overlap)
      o.cohort.overlaps.push_back(*overlap);
    else
      problems.push_back("--overlaps are numbers from 0 to 1");
  }
  if (o.cohort.overlaps.empty()) o.cohort.overlaps.push_back(0);
  o.cases.label = static_cast<int>(values.integer("label"));
  o.cases.min_voxels = values.integer("min-object-voxels");
  o.cohort.overlap = values.number("overlap"), o.cohort.cutoff_ml = values.number("volume-cutoff-ml");
  o.cohort.split_ml = values.number("split-ml"), o.cohort.replicates = values.integer("bootstrap");
  o.cohort.confidence = values.number("confidence");
  o.cohort.seed = static_cast<std::uint64_t>(values.integer("seed"));
  if (o.cases.label < 0 || o.cases.label > 65535) problems.push_back("--label lies between 0 and 65535");
  if (o.cases.min_voxels < 0) problems.push_back("--min-object-voxels is not negative");
  if (!(o.cohort.overlap >= 0 && o.cohort.overlap < 1)) problems.push_back("--overlap lies between 0 and 1");
  if (!(o.cohort.cutoff_ml >= 0)) problems.push_back("--volume-cutoff-ml is not negative");
  if (!(o.cohort.split_ml > 0)) problems.push_back("--split-ml is above 0");
  if (o.cohort.replicates < 0 || o.cohort.replicates > 1'000'000)
    problems.push_back("--bootstrap lies between 0 and a million");
  if (!(o.cohort.confidence > 0 && o.cohort.confidence < 1)) problems.push_back("--confidence lies between 0 and 1");
  refuse_problems(problems, "mri evaluate");
  return o;
}

class EvaluateRun {
 public:
  EvaluateRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : options_(evaluate_options(values)), meter_(sink, std::move(stop)) {}

  JobResult run() {
    e_.case_settings = options_.cases, e_.cohort_settings = options_.cohort;
    const auto files = options_.pairs.empty() ? match_case_folders(options_.predictions, options_.references)
                                              : read_case_table(options_.pairs);
    for (const CaseFiles& one : files) e_.cases.push_back({one, {}, {}, {}, {}});
    meter_.stage("thresholds", 0, 0.35);
    for_each_case([this](CaseResult& one) { one.sweep = read_case_sweep(one.files, e_.case_settings); });
    choose_threshold();
    meter_.stage("measuring", 0.35, 0.8);
    for_each_case([this](CaseResult& one) { measure(one); });
    refuse_nothing_measured();
    summarise();
    return write();
  }

 private:
  /// What goes wrong with a case stays with the case.
  template <class Work>
  void for_each_case(Work work) {
    std::size_t done = 0;
    for (CaseResult& one : e_.cases) {
      if (one.usable()) try {
          work(one);
        } catch (const Error& error) {
          if (error.code() == ErrorCode::kCancelled) throw;
          one.problem = error.what();
        } catch (const std::exception& error) {  // out of memory, a broken file that a library did not expect
          one.problem = error.what();
        }
      meter_.advance(static_cast<double>(++done) / static_cast<double>(e_.cases.size()));
    }
  }

  void choose_threshold() {
    e_.sweep = sweep_of(e_.cases, e_.cohort_settings, false);
    if (e_.case_settings.source != MaskSource::kBest) return;
    if (!e_.sweep.best)
      throw Error(ErrorCode::kUsage, "--threshold best", "no case has a probability that overlaps its reference",
                  "Name probability maps in the column probability, or leave --threshold out.");
    const SweepRow& best = e_.sweep.rows[*e_.sweep.best];
    e_.case_settings.threshold = best.threshold, e_.cohort_settings.overlap = best.overlap;
    e_.notices.push_back("the threshold was chosen on these very cases: their figures are a little too good");
  }

  void measure(CaseResult& one) const {
    const CaseMasks masks = read_case_masks(one.files, e_.case_settings);
    one.geometry = masks.geometry;
    one.metrics = case_metrics(masks.pair(), e_.case_settings.min_voxels);
  }

  void refuse_nothing_measured() const {
    if (e_.failed() < e_.cases.size()) return;
    throw Error(ErrorCode::kCorrupt, "mri evaluate",
                "none of " + std::to_string(e_.cases.size()) +
                    " cases could be measured; the first: " + e_.cases.front().problem,
                "Correct the files and run again.");
  }

  void summarise() {
    // A case that failed after the sweep is in neither table.
    e_.sweep = sweep_of(e_.cases, e_.cohort_settings, false);
    e_.sweep_positive = sweep_of(e_.cases, e_.cohort_settings, true);
    meter_.stage("intervals", 0.8, 0.92);
    e_.groups = cohort_groups(e_.cases, e_.cohort_settings, [this](double done) { meter_.advance(done); });
    const FoldTable all = fold_table(e_.cases, Condition::kAll, e_.cohort_settings);
    if (all.folds.size() > 1)
      e_.folds = {all, fold_table(e_.cases, Condition::kPositive, e_.cohort_settings),
                  fold_table(e_.cases, Condition::kTruePositive, e_.cohort_settings)};
    if (e_.failed() > 0)
      e_.notices.push_back(std::to_string(e_.failed()) + " of " + std::to_string(e_.cases.size()) +
                           " cases could not be measured and are in no figure");
  }

  JobResult write() {
    meter_.stage("writing results", 0.92, 1);
    const OutputFolder folder(options_.out);
    OutputSet files(meter_.stop());
    const auto add = [&](const char* name, const std::string& text) {
      files.add(options_.out / name, [&](const std::filesystem::path& path) { io::write_file(path, text); });
    };
    JobResult result;
    result.json = evaluation_json(e_).dump(2) + "\n";
    add("metrics.json", result.json);
    add("per_case.csv", per_case_csv(e_));
    add("per_lesion.csv", per_lesion_csv(e_));
    add("report.html", evaluation_html(e_, options_.out, [this](double done) { meter_.advance(done); }));
    result.outputs = files.commit();
    result.notices = e_.notices, result.text = evaluation_text(e_);
    result.exit_code = e_.failed() > 0 ? 2 : 0;
    return result;
  }

  EvaluateOptions options_;
  ProgressMeter meter_;
  SegmentationEvaluation e_;
};

}  // namespace
}  // namespace mri

JobKind mri_evaluate_job() {
  JobKind kind;
  kind.name = "mri evaluate";
  kind.summary = "How good are segmentations? Voxels, objects, patients, surfaces, detection";
  kind.details =
      "Compares masks with references: a table with columns case, reference, prediction (optional: probability, image, "
      "patient, fold, pattern, centre), or two folders matched by name.\n"
      "Definitions are those of raidionicsval; intervals by a bootstrap over patients. Writes metrics.json, "
      "per_case.csv, per_lesion.csv and report.html into --out. A case that cannot be measured is a row with its "
      "reason.\n"
      "Exit codes: 0 done, 1 wrong usage, 2 some cases could not be measured, 3 none could, 130 cancelled.\n"
      "Example: fovea mri evaluate --pairs cases.csv --out figures\n"
      "Example: fovea mri evaluate --predictions results --references masks --out figures";
  kind.parameters = {
      {"pairs", ParameterType::kFile, "Table of cases; relative paths start at its folder"},
      {"predictions", ParameterType::kFolder,
       "Masks named as the references, or a folder a case with mri segment's files"},
      {"references", ParameterType::kFolder, "Masks drawn by people; the name without suffix is the case"},
      {.name = "out", .type = ParameterType::kOutputFolder, .help = "Where to write", .required = true},
      {"threshold", ParameterType::kText,
       "What counts as predicted: labels (the prediction's), a probability from 0 to 1, or best (the sweep's best)",
       std::string("labels")},
      {"label", ParameterType::kInteger, "The label that counts, 0 for any", std::int64_t{0}},
      {"overlaps", ParameterType::kTextList, "Dice values that the sweep asks for, from 0 to 1; default 0"},
      {"overlap", ParameterType::kNumber, "A patient counts as found above this Dice", 0.0},
      {"volume-cutoff-ml", ParameterType::kNumber, "Volumes up to this count as no lesion, in ml", 0.0},
      {"split-ml", ParameterType::kNumber, "Lesions below and from this volume are shown apart, in ml", 3.0},
      {"min-object-voxels", ParameterType::kInteger, "Smaller objects are left out of object-wise figures",
       std::int64_t{50}},
      {"bootstrap", ParameterType::kInteger, "Replicates, 0 for no intervals", std::int64_t{1000}},
      {"confidence", ParameterType::kNumber, "Of every interval, between 0 and 1", 0.95},
      {"seed", ParameterType::kInteger, "Of the bootstrap", std::int64_t{0}},
  };
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return mri::EvaluateRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
