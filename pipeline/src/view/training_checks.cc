// What would keep a training run from starting.
#include "view/checks.h"

#include <nlohmann/json.hpp>

#include <fovea/pipeline/background_job.h>

#include "mil/data_set.h"
#include "mil/run_files.h"
#include "mil/train_options.h"
#include "mri/training/train_options.h"
#include "problems.h"
#include "progress.h"
#include "train/recipe_text.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
namespace scans = mri::training;
using State = PreflightCheck::State;

struct Parts {
  std::size_t train, val, test;
};

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void describe_splits(const std::vector<Parts>& folds, std::size_t left_out, const std::vector<std::string>& notices,
                     PreflightCheck& row) {
  const Parts& first = folds.front();
  row.sentence += " " + (folds.size() > 1 ? std::to_string(folds.size()) + " folds, the first with " : std::string{}) +
                  std::to_string(first.train) + " to learn from, " + std::to_string(first.val) + " to validate, " +
                  std::to_string(first.test) + " to test.";
  if (left_out > 0) row.sentence += " " + counted(left_out, "is", "are") + " left out.";
  for (const std::string& notice : notices) row.sentence += " " + notice + ".";
  if (left_out > 0 || first.val == 0 || !notices.empty()) row.state = State::kNote;
}

/// What the run would be made of, as it stands in its recipe.json.
std::string slide_checks(const mil::TrainOptions& options, PreflightCheck& row) {
  mil::DataSet set = mil::read_data_set(options.bags, options.labels, options.recipe);
  const std::vector<mil::Item> items = mil::per_patient(std::move(set.items), options.recipe, set.classes);
  row.sentence = counted(items.size(), "bag", "bags");
  if (!set.classes.empty()) row.sentence += " of the classes " + joined(set.classes, ", ");
  row.sentence += ".";
  const mil::Splits splits = mil::make_splits(items, options.splits);
  std::string all;
  std::vector<Parts> parts;
  for (const mil::Split& split : splits.folds) {
    all += mil::split_csv(items, split);
    parts.push_back({split.train.size(), split.val.size(), split.test.size()});
  }
  describe_splits(parts, set.left_out.size(), splits.notices, row);
  return mil::fingerprint(options.recipe, items, all);
}

std::string scan_checks(const scans::TrainingOptions& options, PreflightCheck& row) {
  const std::vector<scans::Case> cases = options.cases.empty()
                                             ? scans::read_slice_folder(options.slices, options.recipe)
                                             : scans::read_cases(options.cases, options.recipe);
  row.sentence = counted(cases.size(), "case.", "cases.");
  std::vector<std::string> notices;
  std::string all;
  std::vector<Parts> parts;
  for (const scans::Fold& fold : scans::make_folds(cases, options.folds, notices)) {
    all += scans::fold_csv(cases, fold);
    parts.push_back({fold.train.size(), fold.val.size(), fold.test.size()});
  }
  describe_splits(parts, 0, notices, row);
  return scans::fingerprint(options.recipe, cases, all);
}

void check_folder(const fs::path& out, const std::string& fingerprint, std::vector<PreflightCheck>& list) {
  check(list, "run", [&](PreflightCheck& row) {
    const std::string name = out.filename().string();
    if (read_job_status(out / kJobStatus).state == JobStatus::State::kRunning)
      throw Error(ErrorCode::kUsage, name, "a run goes on in this folder", "Choose another folder.");
    const std::string before = train::run_fingerprint(out / "recipe.json");
    if (!before.empty() && before != fingerprint)
      throw Error(ErrorCode::kUsage, name, "the folder holds a run of another recipe or data",
                  "Choose another folder for this one.");
    std::error_code ignored;
    if (before.empty() && fs::exists(out, ignored) && !fs::is_empty(out, ignored) &&
        !fs::exists(out / kJobRequest, ignored))
      throw Error(ErrorCode::kUsage, name, "the folder holds other files", "Choose a new or an empty folder.");
    row.sentence = before.empty() ? "The run begins anew." : "The run in this folder goes on from its checkpoint.";
  });
}

}  // namespace

bool is_training(const JobRequest& request) {
  return request.kind == "mil train" || request.kind == "mri train";
}

std::vector<PreflightCheck> training_checks(const JobRequest& request, const std::stop_token& stop) {
  std::vector<PreflightCheck> list;
  std::string fingerprint;
  const bool slides = request.kind == "mil train";
  mil::TrainOptions of_slides;
  scans::TrainingOptions of_scans;
  check(list, "recipe", [&](PreflightCheck& row) {
    const JobValues values(job_kind(request.kind), request);
    if (slides)
      of_slides = mil::train_options(values);
    else
      of_scans = scans::training_options(values, "mri train");
    row.sentence =
        "The recipe trains " + (slides ? of_slides.recipe.architecture : of_scans.recipe.network.architecture) + ".";
  });
  throw_if_stopped(stop);
  if (list.back().state == State::kBad) return list;
  check(list, "data",
        [&](PreflightCheck& row) { fingerprint = slides ? slide_checks(of_slides, row) : scan_checks(of_scans, row); });
  throw_if_stopped(stop);
  const fs::path out = text_value(request, "out");
  if (list.back().state != State::kBad) check_folder(out, fingerprint, list);
  if (list.back().state != State::kBad) check_output(out, list);
  return list;
}

}  // namespace fovea::pipeline
