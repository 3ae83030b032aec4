// `mri train`: a recipe on labelled images, over seeds and folds, to networks and their evaluation.
#include <nlohmann/json.hpp>

#include "jobs/jobs.h"
#include "mri/training/train_options.h"
#include "run_scope.h"
#include "train/distributed_option.h"

namespace fovea::pipeline {
namespace {

namespace training = mri::training;

JobResult run(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  training::TrainingOptions options = training::training_options(values, "mri train");
  const ThreadCount threads(values.integer("threads"));
  ProgressMeter meter(sink, std::move(stop));
  const auto group = train::process_group(values, meter.stop());
  options.group = group.get();
  const training::TrainingResult trained = training::train(options, meter, 0, 1);
  if (group && !group->first()) return train::result_of_helper(*group);
  JobResult result;
  result.outputs = trained.outputs, result.notices = trained.notices, result.text = trained.text;
  result.exit_code = trained.failed > 0 || trained.left_out > 0 ? 2 : 0;
  nlohmann::ordered_json json{{"fovea_mri_training", 1},
                              {"folds_trained", trained.trained},
                              {"folds_failed", trained.failed},
                              {"left_out", trained.left_out},
                              {"parameters", trained.parameters},
                              {"training_seconds", trained.seconds},
                              {"classes", nlohmann::ordered_json::array()}};
  for (const training::DiceSummary& d : trained.dice) json["classes"].push_back(training::summary_json(d));
  result.json = json.dump(2);
  return result;
}

}  // namespace

JobKind mri_train_job() {
  JobKind kind;
  kind.name = "mri train";
  kind.summary = "Train a segmentation network on labelled images by a recipe, over seeds and folds, and evaluate it";
  kind.details =
      "Writes into --out: recipe.json (with all that was decided), splits/, for every seed and fold model.safetensors "
      "with its card model.md, checkpoint and history.csv, then evaluation/<class>/. Stopped at any moment, the same "
      "command goes on and ends with the same weights, bit for bit.\n"
      "With --distributed several processes train together, as one that accumulates that many times the batches.\n"
      "Exit codes: 0 done, 1 wrong usage, 2 done but cases or folds were left out, 3 could not run, 130 stopped.\n"
      "Example: fovea mri train --recipe agunet --cases cases.csv --out run\n"
      "Example: fovea mri train --recipe agunet_slices --slices tumour-t1ce --val-fold 4 --out run";
  kind.parameters = training::training_parameters();
  kind.parameters.push_back(train::distributed_parameter("Run"));
  kind.run = run;
  return kind;
}

}  // namespace fovea::pipeline
