#include "mil/fold_run.h"

#include <utility>

#include <fovea/io/atomic_file.h>
#include <fovea/io/weights.h>
#include <fovea/models/slide_transformer.h>

#include "mil/bag_prediction.h"
#include "slide/words.h"
#include "tensor_bridge.h"
#include "train/fit.h"

namespace fovea::pipeline::mil {
namespace {

using slide::fixed_text;

models::MilConfig config_of(const Recipe& recipe, std::int64_t features, std::int64_t outputs) {
  models::MilConfig config;
  config.architecture = recipe.architecture, config.features = features, config.classes = outputs;
  config.inner = recipe.inner, config.attention = recipe.attention, config.branches = recipe.branches;
  const models::MilRow& row = models::mil_model(recipe.architecture);
  if (row.places) config.variant = models::layers_variant(recipe.layers, recipe.window);
  return row.completed(config);
}

std::vector<const Item*> part_of(const std::vector<Item>& items, const std::vector<std::size_t>& indices) {
  std::vector<const Item*> part;
  for (const std::size_t index : indices) part.push_back(&items[index]);
  return part;
}

/// "loss 0.412, val AUC 0.914, attention entropy 0.31 of 1, ten largest hold 0.94".
std::string epoch_note(const FoldName& name, const train::EpochRow& row, std::int64_t epochs, bool survival) {
  std::string text = name.words() + ", epoch " + std::to_string(row.epoch + 1) + " of " + std::to_string(epochs) +
                     ": loss " + fixed_text(row.train_loss, 3);
  const auto add = [&](const char* column, const char* words) {
    if (const auto found = row.figures.values.find(column); found != row.figures.values.end())
      text += std::string(", ") + words + " " + fixed_text(found->second, 3);
  };
  add("val_auc", survival ? "val concordance" : "val AUC");
  add("val_loss", "val loss");
  add("attention_entropy", "attention entropy");
  add("top10_mass", "top-10 mass");
  return text;
}

class FoldRun {
 public:
  FoldRun(const RunData& run, BagStore& store, const FoldName& name, const Split& split, ProgressMeter& meter,
          const BadBag& bad, const std::function<void(const std::string&)>& notice)
      : run_(run), name_(name), meter_(meter), bad_(bad), notice_(notice), folder_(run.out / name.folder()) {
    data_.store = &store, data_.features = run.survey.features, data_.ahead_bytes = run.ahead_bytes;
    data_.train = part_of(run.items, split.train), data_.val = part_of(run.items, split.val);
    data_.test = part_of(run.items, split.test);
    if (run.recipe.standardise) data_.change = standardisation_of(store, data_.train, run.recipe.clip);
    options_.fingerprint = fingerprint(run.recipe, run.items, split_csv(run.items, split));
    options_.group = run.group, options_.accumulate = run.recipe.training.mil.accumulate;
    if (run.group) options_.fingerprint += " on " + std::to_string(run.group->count());
  }

  FoldResult run() {
    if (run_.writes()) io::prepare_output_folder(folder_);
    const TaskHead head(run_.recipe, run_.classes, data_.train);
    const models::MilRow& row = models::mil_model(run_.recipe.architecture);
    const models::MilConfig config = config_of(run_.recipe, data_.features, head.outputs());
    const auto model =
        row.make(config, models::random_state(row.specs(config), static_cast<std::uint64_t>(name_.seed)));
    train::Checkpoint last = trained(*model, head);
    if (!run_.writes()) return {};
    write_models(config, head, last);
    return results(*model, head, last);
  }

 private:
  train::Checkpoint trained(models::MilModel& model, const TaskHead& head) {
    const models::TrainTogether together(run_.group);
    MilTrainee trainee(model, head, run_.recipe, name_.seed, data_, bad_, meter_.stop());
    options_.epochs = run_.recipe.training.epochs;
    options_.patience = run_.recipe.patience, options_.patience_from = run_.recipe.patience_from;
    options_.keep_last = run_.recipe.selection == Selection::kLast || data_.val.empty();
    options_.checkpoint = folder_ / kCheckpoint;
    train::FitEvents events;
    double done = 0;
    const bool survival = run_.recipe.task == evaluation::Task::kSurvival;
    events.advanced = [&](double share) { meter_.advance(done = 0.95 * share); };
    events.notice = notice_;
    events.epoch_done = [&](const std::vector<train::EpochRow>& history) {
      io::write_file(folder_ / kHistory, history_header() + history_lines(name_, history));
      meter_.advance(done, epoch_note(name_, history.back(), options_.epochs, survival));
    };
    train::Checkpoint last = train::fit(trainee, options_, events, meter_.stop());
    watch(trainee);
    return last;
  }

  /// By design all of the mass, or an equal share of it, is where the pooling baselines put it.
  void watch(const MilTrainee& trainee) {
    constexpr double kCollapsed = 0.02, kOneInstance = 0.95, kUniform = 0.99;
    const std::string& architecture = run_.recipe.architecture;
    if (trainee.median_entropy() < 0 || architecture == "mean_pooling" || architecture == "max_pooling") return;
    if (trainee.median_entropy() < kCollapsed || trainee.median_top1() > kOneInstance)
      notice_("Attention has collapsed (" + name_.words() + "): on the median bag one instance holds " +
              fixed_text(trainee.median_top1(), 2) + " of it. Spread it with loss.aem, or lower the learning rate.");
    else if (trainee.median_entropy() > kUniform)
      notice_("Attention is uniform (" + name_.words() +
              "): the network averages the instances. Train longer, or raise the learning rate.");
  }

  void write_models(const models::MilConfig& config, const TaskHead& head, const train::Checkpoint& last) {
    const auto write = [&](const char* file, const models::StateDict& state, std::int64_t epoch) {
      io::write_safetensors(folder_ / file, to_arrays(state),
                            model_metadata(config, head, run_.recipe, run_.survey, data_.change, name_, epoch));
    };
    write(kModel, kept(last), kept_epoch(last));
    write(kLast, last.weights, last.epoch - 1);
  }
  static const models::StateDict& kept(const train::Checkpoint& last) {
    return last.best.empty() ? last.weights : last.best;
  }
  static std::int64_t kept_epoch(const train::Checkpoint& last) {
    return last.best.empty() ? last.epoch - 1 : last.best_epoch;
  }

  FoldResult results(const models::MilModel& model, const TaskHead& head, const train::Checkpoint& last) {
    const models::MilRow& row = models::mil_model(model.config().architecture);
    const auto chosen = row.make(model.config(), kept(last));
    FoldResult result{last.history, kept_epoch(last), head.times(), {}};
    for (const auto& [part, name] : {std::pair{&data_.val, "val"}, {&data_.test, "test"}})
      for (BagResult& each : results_of(*chosen, head, run_.recipe, data_, *part, name, bad_,
                                        [&](double share) { meter_.advance(0.95 + 0.05 * share); }))
        result.results.push_back(std::move(each));
    for (BagResult& each : result.results)
      each.row.seed = name_.seed, each.row.fold = static_cast<std::int64_t>(name_.fold);
    return result;
  }

  const RunData& run_;
  FoldName name_;
  ProgressMeter& meter_;
  const BadBag& bad_;
  const std::function<void(const std::string&)>& notice_;
  std::filesystem::path folder_;
  FoldData data_;
  train::FitOptions options_;
};

}  // namespace

FoldResult run_fold(const RunData& run, BagStore& store, const FoldName& name, const Split& split, ProgressMeter& meter,
                    const BadBag& bad, const std::function<void(const std::string&)>& notice) {
  return FoldRun(run, store, name, split, meter, bad, notice).run();
}

}  // namespace fovea::pipeline::mil
