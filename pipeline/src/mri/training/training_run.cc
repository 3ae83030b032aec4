#include "mri/training/training_run.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/pipeline/job.h>

#include "mri/evaluation/evaluation_files.h"
#include "mri/training/model_card.h"
#include "run_scope.h"
#include "slide/csv_table.h"
#include "slide/words.h"
#include "train/recipe_text.h"

namespace fovea::pipeline::mri::training {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using slide::fixed_text;

class TrainingRun {
 public:
  TrainingRun(const TrainingOptions& options, ProgressMeter& meter, double from, double to)
      : options_(options), meter_(meter), from_(from), to_(to) {}

  TrainingResult run() {
    run_.group = options_.group;
    std::optional<OutputFolder> folder;
    if (run_.writes()) folder.emplace(options_.out);
    run_.recipe = options_.recipe, run_.out = options_.out, run_.data_note = options_.data_note;
    run_.workers = options_.workers;
    run_.cases = options_.cases.empty() ? read_slice_folder(options_.slices, run_.recipe)
                                        : read_cases(options_.cases, run_.recipe);
    std::vector<std::string> notices;
    const std::vector<Fold> folds = make_folds(run_.cases, options_.folds, notices);
    for (const std::string& notice : notices) note(notice);
    if (run_.writes()) begin(folds);
    CaseStore store(run_.cases, run_.recipe, options_.cache_bytes);
    const std::size_t all = run_.recipe.seeds.size() * folds.size();
    std::size_t number = 0;
    for (const std::int64_t seed : run_.recipe.seeds)
      for (const Fold& fold : folds) {
        const std::string words = "seed " + std::to_string(seed) + ", fold " + fold.name;
        meter_.stage("training " + words, share(number, all), share(number + 1, all));
        ++number;
        one_fold(store, fold, seed, words);
      }
    if (!run_.writes()) return std::move(result_);
    if (result_.trained == 0) throw Error(ErrorCode::kUsage, "mri train", "no fold could be trained: " + last_problem_);
    finish();
    return std::move(result_);
  }

 private:
  double share(std::size_t done, std::size_t all) const {
    return from_ + (to_ - from_) * 0.97 * static_cast<double>(done) / static_cast<double>(all);
  }

  void begin(const std::vector<Fold>& folds) {
    std::string all;
    for (const Fold& fold : folds) all += fold_csv(run_.cases, fold);
    const std::string print = fingerprint(run_.recipe, run_.cases, all);
    const std::string before = pipeline::train::run_fingerprint(options_.out / "recipe.json");
    if (!before.empty() && before != print)
      throw Error(ErrorCode::kUsage, options_.out.filename().string(),
                  "the folder holds a run of another recipe or data", "Choose another --out, or remove it.");
    io::prepare_output_folder(options_.out / "splits");
    for (const Fold& fold : folds)
      io::write_file(options_.out / "splits" / ("fold_" + fold.name + ".csv"), fold_csv(run_.cases, fold));
    Json recipe = recipe_json(run_.recipe);
    recipe["run"] = {{"cases", run_.cases.size()},
                     {"folds", folds.size()},
                     {"threads", at::get_num_threads()},
                     {"version", version()},
                     {"fingerprint", print}};
    io::write_file(options_.out / "recipe.json", recipe.dump(2) + "\n");
  }

  /// One fold that cannot be trained does not take the others with it.
  void one_fold(CaseStore& store, const Fold& fold, std::int64_t seed, const std::string& words) {
    const fs::path folder = options_.out / ("seed_" + std::to_string(seed)) / ("fold_" + fold.name);
    try {
      FoldResult result = run_fold(
          run_, store, fold, seed, folder, meter_,
          [this](std::size_t index, const std::string& problem) { leave_out(index, problem); },
          [this](const std::string& notice) { note(notice); });
      result_.outputs.push_back(result.model);
      result_.parameters = result.parameters, result_.seconds += result.seconds;
      result_.text += words + ": epoch " + std::to_string(result.kept_epoch + 1) + " kept\n";
      for (FoldCase& each : result.cases) found_[seed].push_back(std::move(each));
      ++result_.trained;
    } catch (const Error& error) {
      // The other processes are in this fold: none can go on to the next alone.
      if (run_.group || error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kWriteFailed) throw;
      last_problem_ = error.problem();
      note(words + " was not trained: " + error.what());
      ++result_.failed;
    }
  }

  void leave_out(std::size_t index, const std::string& problem) { left_out_.try_emplace(index, problem); }
  void note(const std::string& notice) {
    if (std::find(result_.notices.begin(), result_.notices.end(), notice) == result_.notices.end())
      result_.notices.push_back(notice);
  }

  std::string evaluated_part() const {
    for (const auto& [seed, cases] : found_)
      for (const FoldCase& each : cases)
        if (each.part == "test") return "test";
    return "val";
  }

  void finish() {
    meter_.stage("evaluating", from_ + (to_ - from_) * 0.97, to_);
    const std::string part = evaluated_part();
    for (const std::string& name : run_.recipe.classes) {
      write_evaluation(name, part);
      summarise(name, part);
    }
    if (part == "val" && !result_.dice.empty())
      note("No part was kept for testing: the figures are those of the validation part, which also chose the epoch.");
    if (result_.dice.empty()) note("No part was kept for validation or testing: nothing is known about the accuracy.");
    for (const DiceSummary& d : result_.dice) {
      result_.text += d.class_name + " (" + d.part + ", " + std::to_string(d.cases) + " cases): Dice mean " +
                      fixed_text(d.mean, 3) + ", median " + fixed_text(d.median, 3) + ", found " +
                      fixed_text(100 * d.detected, 1) + " %";
      if (found_.size() > 1) result_.text += ", between seeds " + fixed_text(d.between_seeds, 3);
      result_.text += "\n";
    }
    write_left_out();
  }

  /// Of the first seed: cases must not count several times in an interval.
  void write_evaluation(const std::string& class_name, const std::string& part) {
    if (found_.empty()) return;
    SegmentationEvaluation e;
    for (const FoldCase& each : found_.begin()->second)
      if (each.part == part && each.class_name == class_name) e.cases.push_back(each.result);
    if (e.cases.empty()) return;
    e.case_settings.min_voxels = 1;
    e.cohort_settings.replicates = options_.replicates;
    e.groups = cohort_groups(e.cases, e.cohort_settings, [this](double done) { meter_.advance(done); });
    const fs::path folder = options_.out / "evaluation" / class_name;
    io::prepare_output_folder(options_.out / "evaluation");
    io::prepare_output_folder(folder);
    io::write_file(folder / "metrics.json", evaluation_json(e).dump(2) + "\n");
    io::write_file(folder / "per_case.csv", per_case_csv(e));
    result_.outputs.push_back(folder / "metrics.json");
    result_.outputs.push_back(folder / "per_case.csv");
  }

  void summarise(const std::string& class_name, const std::string& part) {
    std::vector<double> means;
    DiceSummary summary{class_name, part};
    FoldResult pooled;
    for (const auto& [seed, cases] : found_) {
      FoldResult one;
      for (const FoldCase& each : cases)
        if (each.part == part && each.class_name == class_name) one.cases.push_back(each), pooled.cases.push_back(each);
      for (const DiceFigure& figure : dice_figures(one)) means.push_back(figure.mean), summary.cases = figure.cases;
    }
    const std::vector<DiceFigure> figures = dice_figures(pooled);
    if (figures.empty()) return;
    summary.mean = figures.front().mean, summary.median = figures.front().median;
    summary.detected = figures.front().detected;
    double sum = 0, squares = 0;
    for (const double m : means) sum += m, squares += m * m;
    const auto n = static_cast<double>(means.size());
    summary.between_seeds = std::sqrt(std::max(0.0, squares / n - sum / n * sum / n));
    result_.dice.push_back(std::move(summary));
  }

  void write_left_out() {
    result_.left_out = left_out_.size();
    if (left_out_.empty()) return;
    std::string text = "case,reason\n";
    for (const auto& [index, problem] : left_out_)
      text += slide::csv_cell(run_.cases[index].id) + "," + slide::csv_cell(problem) + "\n";
    io::write_file(options_.out / "left_out.csv", text);
    result_.outputs.push_back(options_.out / "left_out.csv");
    note(std::to_string(left_out_.size()) + (left_out_.size() == 1 ? " case was" : " cases were") +
         " left out: left_out.csv says why.");
  }

  const TrainingOptions& options_;
  ProgressMeter& meter_;
  double from_, to_;
  RunData run_;
  TrainingResult result_;
  std::map<std::int64_t, std::vector<FoldCase>> found_;  ///< by seed
  std::map<std::size_t, std::string> left_out_;
  std::string last_problem_;
};

}  // namespace

Json summary_json(const DiceSummary& summary) {
  return {{"name", summary.class_name},
          {"part", summary.part},
          {"cases", summary.cases},
          {"dice_mean", summary.mean},
          {"dice_median", summary.median},
          {"detected", summary.detected},
          {"between_seeds", summary.between_seeds}};
}

TrainingResult train(const TrainingOptions& options, ProgressMeter& meter, double from, double to) {
  try {
    return TrainingRun(options, meter, from, to).run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
    throw Error(ErrorCode::kCancelled, "", "stopped; the same command goes on from the checkpoint in the run folder");
  }
}

}  // namespace fovea::pipeline::mri::training
