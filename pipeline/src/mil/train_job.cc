// `mil train`: a recipe on bags, over seeds and folds, to models, predictions and their evaluation.
#include <malloc.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "evaluation/evaluation.h"
#include "jobs/jobs.h"
#include "mil/bag_prediction.h"
#include "mil/fold_run.h"
#include "mil/train_options.h"
#include "run_scope.h"
#include "slide/words.h"
#include "train/distributed_option.h"

namespace fovea::pipeline {
namespace mil {
namespace {

constexpr const char* kNoLabel = "no label";  // of a file that the table does not name: no failure

/// Folds have intervals of their own, a table has one set of times: straight lines between the ends of the intervals,
/// from 1 at 0.
std::vector<float> curve_at(const std::vector<double>& wanted, const std::vector<double>& times,
                            const std::vector<float>& survived) {
  std::vector<float> values;
  for (const double time : wanted) {
    const auto after = static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time) - times.begin());
    if (after == times.size()) {
      values.push_back(survived.back());
      continue;
    }
    const double from = after == 0 ? 0 : times[after - 1], begin = after == 0 ? 1 : survived[after - 1];
    values.push_back(static_cast<float>(begin + (survived[after] - begin) * (time - from) / (times[after] - from)));
  }
  return values;
}

/// A bag's pieces are allocated between results that stay: in the heap each would leave a hole that the next does not
/// fit into, a second bag's worth in all. Blocks of their own go back to the system.
void keep_large_blocks_apart() {
  constexpr int kLarge = 4 << 20;
  mallopt(M_MMAP_THRESHOLD, kLarge);
}

class TrainRun {
 public:
  TrainRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : options_(train_options(values)),
        threads_(options_.threads),
        meter_(sink, std::move(stop)),
        store_(options_.cache_bytes),
        group_(train::process_group(values, meter_.stop())) {}

  JobResult run() {
    keep_large_blocks_apart();
    run_.group = group_.get();
    std::optional<OutputFolder> folder;
    if (run_.writes()) folder.emplace(options_.out);
    prepare();
    const Splits splits = make_splits(run_.items, options_.splits);
    for (const std::string& notice : splits.notices) note(notice);
    if (run_.writes()) begin(splits);
    try {
      train(splits);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      throw Error(ErrorCode::kCancelled, "", "stopped; the same command goes on from the checkpoint in the run folder");
    }
    if (run_.writes()) return finish(splits);
    return train::result_of_helper(*group_);
  }

 private:
  void prepare() {
    meter_.stage("reading bags", 0, 0.05);
    DataSet set = read_data_set(options_.bags, options_.labels, options_.recipe);
    run_.recipe = options_.recipe, run_.classes = std::move(set.classes), left_out_ = std::move(set.left_out);
    run_.items = per_patient(std::move(set.items), run_.recipe, run_.classes);
    run_.survey = survey(store_, run_.items, [this](double done) { meter_.advance(done); });
    left_out_.insert(left_out_.end(), run_.survey.left_out.begin(), run_.survey.left_out.end());
    run_.out = options_.out, run_.ahead_bytes = options_.ahead_bytes;
    warn_of_recipe();
  }

  void warn_of_recipe() {
    const auto& stkim = run_.recipe.training.mil.stkim;
    if (stkim.n_masked > 0 && stkim.mask_drop > 0) {
      if (attention::stkim_drops(stkim.n_masked, stkim) == 0)
        note("stkim.drop of so few stkim.candidates is less than one instance: nothing is masked.");
      else if (100 * stkim.n_masked > run_.survey.median_instances)
        note("STKIM masks among the " + std::to_string(stkim.n_masked) + " strongest instances, more than 1 % of the " +
             "median bag (" + std::to_string(run_.survey.median_instances) +
             " instances): where few instances carry the label it destroys learning (docs/mil.md).");
    }
    if (models::mil_model(run_.recipe.architecture).places && !run_.survey.coords)
      note("Some bags do not say where their instances lie: " + run_.recipe.architecture +
           " folds them into a square in their order.");
  }

  /// Everything that tells what the run is stands in its folder before the first epoch.
  void begin(const Splits& splits) {
    std::string all;
    for (const Split& split : splits.folds) all += split_csv(run_.items, split);
    RunFacts facts{run_.classes,
                   run_.survey.encoder,
                   fingerprint(run_.recipe, run_.items, all),
                   run_.survey.features,
                   static_cast<std::int64_t>(run_.items.size()),
                   at::get_num_threads(),
                   splits.folds.size()};
    const std::string before = fingerprint_of(run_.out);
    if (!before.empty() && before != facts.fingerprint)
      throw Error(ErrorCode::kUsage, run_.out.filename().string(), "the folder holds a run of another recipe or data",
                  "Choose another --out, or remove it.");
    io::prepare_output_folder(run_.out / "splits");
    for (std::size_t fold = 0; fold < splits.folds.size(); ++fold)
      io::write_file(run_.out / "splits" / ("splits_" + std::to_string(fold) + ".csv"),
                     split_csv(run_.items, splits.folds[fold]));
    io::write_file(run_.out / kRecipe, recipe_text(run_.recipe, facts));
  }

  void train(const Splits& splits) {
    const std::size_t all = run_.recipe.seeds.size() * splits.folds.size();
    std::size_t number = 0;
    table_.task = run_.recipe.task, table_.classes = run_.classes;
    history_ = history_header();
    for (const std::int64_t seed : run_.recipe.seeds)
      for (std::size_t fold = 0; fold < splits.folds.size(); ++fold, ++number) {
        const auto share = [&](std::size_t done) {
          return 0.05 + 0.93 * static_cast<double>(done) / static_cast<double>(all);
        };
        const FoldName name{seed, fold};
        meter_.stage("training " + name.words(), share(number), share(number + 1));
        one_fold(name, splits.folds[fold]);
      }
    if (finished_ == 0 && run_.writes())
      throw Error(ErrorCode::kUsage, "mil train", "no fold could be trained: " + last_problem_);
  }

  /// One fold that cannot be trained does not take the others with it.
  void one_fold(const FoldName& name, const Split& split) {
    try {
      add(name, run_fold(
                    run_, store_, name, split, meter_,
                    [this](const Item& item, const std::string& problem) { leave_out(item, problem); },
                    [this](const std::string& notice) { note(notice); }));
      ++finished_;
    } catch (const Error& error) {
      // The other processes are in this fold: none can go on to the next alone.
      if (group_ || error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kWriteFailed) throw;
      last_problem_ = error.problem();
      note(name.words() + " was not trained: " + error.what());
      ++failed_;
    }
  }

  void add(const FoldName& name, const FoldResult& result) {
    history_ += history_lines(name, result.history);
    std::map<std::string, std::pair<double, int>> localisation;
    if (table_.times.empty()) table_.times = result.times;
    for (const BagResult& each : result.results) {
      table_.rows.push_back(each.row);
      if (each.row.part != "train") concentration_ += concentration_lines(each.row.slide_id, each.concentration);
      if (!result.times.empty())
        table_.rows.back().probabilities = curve_at(table_.times, result.times, each.row.probabilities);
      if (each.localisation)
        localisation[each.row.part].first += *each.localisation, ++localisation[each.row.part].second;
    }
    for (const auto& [part, sum] : localisation)
      localisation_ += std::to_string(name.seed) + "," + std::to_string(name.fold) + "," + part + "," +
                       std::to_string(sum.second) + "," + slide::exact_text(sum.first / sum.second) + "\n";
    kept_.push_back(name.words() + ": epoch " + std::to_string(result.kept_epoch + 1) + " kept");
  }

  void leave_out(const Item& item, const std::string& problem) {
    if (met_.insert(item.slide_id).second) left_out_.push_back({item.slide_id, problem});
  }
  void note(const std::string& notice) {
    if (std::find(notices_.begin(), notices_.end(), notice) == notices_.end()) notices_.push_back(notice);
  }

  /// Whether something that the labels name could not be used.
  bool add_left_out(JobResult& result) {
    std::map<std::string, std::int64_t> reasons;
    for (const LeftOut& each : left_out_) ++reasons[each.reason];
    bool failed = false;
    for (const auto& [reason, count] : reasons) {
      failed = failed || reason != kNoLabel;
      note(std::to_string(count) + (count == 1 ? " slide was left out: " : " slides were left out: ") + reason + ".");
    }
    if (left_out_.empty()) return false;
    io::write_file(run_.out / kLeftOut, left_out_csv(left_out_));
    result.outputs.push_back(run_.out / kLeftOut);
    note(std::string(kLeftOut) + " names them.");
    return failed;
  }

  JobResult finish(const Splits& splits) {
    meter_.stage("evaluating", 0.98, 1);
    JobResult result;
    io::write_file(run_.out / kHistory, history_);
    result.outputs = {run_.out / kRecipe, run_.out / kHistory};
    if (!localisation_.empty()) {
      io::write_file(run_.out / kLocalisation, "seed,fold,part,bags,attention_auroc\n" + localisation_);
      result.outputs.push_back(run_.out / kLocalisation);
    }
    if (!concentration_.empty()) {
      io::write_file(run_.out / kConcentration, kConcentrationHeader + concentration_);
      result.outputs.push_back(run_.out / kConcentration);
    }
    for (const std::string& line : kept_) result.text += line + "\n";
    nlohmann::json json{{"fovea_mil_training", 1}, {"folds_trained", finished_}, {"folds_failed", failed_}};
    evaluate(splits, result, json);
    const bool left_out = add_left_out(result);
    json["left_out"] = left_out_.size();
    result.notices = notices_;
    result.exit_code = failed_ > 0 || left_out ? 2 : 0;
    result.json = json.dump(2);
    return result;
  }

  void evaluate(const Splits& splits, JobResult& result, nlohmann::json& json) {
    if (table_.rows.empty()) {
      note("No part was kept for validation or testing: nothing is known about the models' accuracy.");
      return;
    }
    evaluation::write_predictions(run_.out / kPredictions, table_);
    result.outputs.push_back(run_.out / kPredictions);
    evaluation::EvaluationOptions options;
    const bool tested =
        std::any_of(splits.folds.begin(), splits.folds.end(), [](auto& split) { return !split.test.empty(); });
    options.part = tested ? "test" : "val";
    options.progress = [this](double done) { meter_.advance(done); };
    if (!tested) note("No part was kept for testing: the figures are those of the validation part.");
    const evaluation::EvaluationSummary summary = evaluation::write_evaluation(run_.out, options);
    result.outputs.insert(result.outputs.end(), summary.outputs.begin(), summary.outputs.end());
    for (const std::string& notice : summary.notices) note(notice);
    result.text += summary.text;
    json["evaluation"] = nlohmann::json::parse(summary.json, nullptr, false);
  }

  TrainOptions options_;
  ThreadCount threads_;
  ProgressMeter meter_;
  BagStore store_;
  std::unique_ptr<train::ProcessGroup> group_;
  RunData run_;
  std::vector<LeftOut> left_out_;
  std::set<std::string> met_;
  std::vector<std::string> notices_, kept_;
  evaluation::PredictionTable table_;
  std::string history_, localisation_, concentration_, last_problem_;
  int finished_ = 0, failed_ = 0;
};

}  // namespace
}  // namespace mil

JobKind mil_train_job() {
  JobKind kind;
  kind.name = "mil train";
  kind.summary = "Train slide models on feature bags by a recipe, over seeds and folds, and evaluate them";
  kind.details =
      "Writes into --out: recipe.json (with all that was decided), splits/, for every seed and fold model.safetensors "
      "(the kept epoch), last.safetensors, checkpoint and history.csv, then predictions.csv, history.csv and the "
      "evaluation. Stopped at any moment, the same command goes on and ends with the same weights, bit for bit.\n"
      "With --distributed several processes train together, as one that accumulates that many times the bags.\n"
      "Exit codes: 0 done, 1 wrong usage, 2 done but slides or folds were left out, 3 could not run, 130 stopped.\n"
      "Example: fovea mil train --recipe acmil --bags features/ --labels labels.csv --folds 5 --out run";
  kind.parameters = mil::train_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return mil::TrainRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
