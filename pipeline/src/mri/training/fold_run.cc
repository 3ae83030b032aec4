#include "mri/training/fold_run.h"

#include <set>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>
#include <fovea/models/state_copy.h>

#include "mri/training/model_card.h"
#include "slide/csv_table.h"
#include "slide/words.h"
#include "tensor_bridge.h"
#include "train/fit.h"

namespace fovea::pipeline::mri::training {
namespace {

namespace fs = std::filesystem;
using slide::exact_text;
using slide::fixed_text;

std::string history_csv(const std::vector<pipeline::train::EpochRow>& history) {
  std::set<std::string> columns;
  for (const auto& row : history)
    for (const auto& [name, value] : row.figures.values) columns.insert(name);
  std::string text = "epoch,train_loss,learning_rate,seconds";
  for (const std::string& column : columns) text += "," + slide::csv_cell(column);
  text += "\n";
  for (const auto& row : history) {
    text += std::to_string(row.epoch + 1) + "," + exact_text(row.train_loss) + "," + exact_text(row.learning_rate) +
            "," + fixed_text(row.seconds, 3);
    for (const std::string& column : columns) {
      const auto found = row.figures.values.find(column);
      text += "," + (found == row.figures.values.end() ? std::string{} : exact_text(found->second));
    }
    text += "\n";
  }
  return text;
}

std::string epoch_note(const pipeline::train::EpochRow& row, std::int64_t epochs) {
  std::string text = "epoch " + std::to_string(row.epoch + 1) + " of " + std::to_string(epochs) + ": loss " +
                     fixed_text(row.train_loss, 3);
  for (const auto& [column, words] : {std::pair{"val_dice", ", val Dice "}, {"val_detected", ", found "}})
    if (const auto found = row.figures.values.find(column); found != row.figures.values.end())
      text += words + fixed_text(found->second, 3);
  return text + ", " + fixed_text(row.seconds, 1) + " s";
}

class FoldRun {
 public:
  FoldRun(const RunData& run, CaseStore& store, const Fold& fold, std::int64_t seed, fs::path folder,
          ProgressMeter& meter, const BadCase& bad, const std::function<void(const std::string&)>& notice)
      : run_(run),
        seed_(seed),
        folder_(std::move(folder)),
        meter_(meter),
        bad_(bad),
        notice_(notice),
        data_{&store, &run.cases, fold, run.workers} {}

  FoldResult run() {
    if (run_.writes()) io::prepare_output_folder(folder_);
    const models::SegConfig config = network_of(run_.recipe);
    const models::SegRow& row = models::seg_model(config.architecture);
    const auto specs = row.specs(config);
    const auto network = row.make(config, models::random_state(specs, static_cast<std::uint64_t>(seed_)));
    FoldResult result;
    result.parameters = models::parameter_count(specs);
    const models::StateDict kept = trained(*network, result);
    if (!run_.writes()) return result;
    const auto chosen = row.make(config, kept);
    evaluate(*chosen, result);
    write(kept, result);
    return result;
  }

 private:
  models::StateDict trained(models::SegNetwork& network, FoldResult& result) {
    const models::TrainTogether together(run_.group);
    SegTrainee trainee(network, run_.recipe, seed_, data_, bad_, meter_.stop());
    pipeline::train::FitOptions options;
    options.epochs = run_.recipe.training.rates.epochs;
    options.patience = run_.recipe.patience, options.patience_from = run_.recipe.patience_from;
    options.keep_last = run_.recipe.selection == Selection::kLast || data_.fold.val.empty();
    options.checkpoint = folder_ / "checkpoint";
    options.fingerprint = fingerprint(run_.recipe, run_.cases, fold_csv(run_.cases, data_.fold));
    options.group = run_.group, options.accumulate = run_.recipe.training.accumulate;
    if (run_.group) options.fingerprint += " on " + std::to_string(run_.group->count());
    pipeline::train::FitEvents events;
    double done = 0;
    events.advanced = [&](double share) { meter_.advance(done = 0.95 * share); };
    events.notice = notice_;
    events.epoch_done = [&](const std::vector<pipeline::train::EpochRow>& history) {
      io::write_file(folder_ / "history.csv", history_csv(history));
      meter_.advance(done, epoch_note(history.back(), options.epochs));
    };
    pipeline::train::Checkpoint last = pipeline::train::fit(trainee, options, events, meter_.stop());
    for (const auto& epoch : last.history) result.seconds += epoch.seconds;
    result.history = std::move(last.history);
    const bool best = !last.best.empty();
    result.kept_epoch = best ? last.best_epoch : last.epoch - 1;
    return models::copied(best ? last.best : trainee.kept());
  }

  void evaluate(const models::SegNetwork& network, FoldResult& result) {
    const std::vector<Pattern> patterns = patterns_of(run_.recipe);
    const std::size_t all = data_.fold.val.size() + data_.fold.test.size();
    std::size_t done = 0;
    for (const auto& [part, name] : {std::pair{&data_.fold.val, "val"}, {&data_.fold.test, "test"}})
      for (const std::size_t index : *part) {
        try {
          const auto prepared = data_.store->load(index);
          for (const Pattern& pattern : patterns) measure(network, index, *prepared, pattern, name, result);
        } catch (const Error& error) {
          if (error.code() == ErrorCode::kCancelled) throw;
          bad_(index, error.problem());
        }
        meter_.advance(0.95 + 0.05 * static_cast<double>(++done) / static_cast<double>(all));
      }
  }

  void measure(const models::SegNetwork& network, std::size_t index, const Prepared& prepared, const Pattern& pattern,
               const char* part, FoldResult& result) const {
    const auto predicted = predicted_label(network, prepared, run_.recipe, pattern);
    if (!predicted) return;
    const Case& each = run_.cases[index];
    for (std::size_t c = 0; c < run_.recipe.classes.size(); ++c) {
      const auto label = static_cast<std::uint8_t>(c + 1);
      const std::vector<std::uint8_t> truth = mask_of(prepared.label, label), mask = mask_of(*predicted, label);
      FoldCase row{part, run_.recipe.classes[c], {}};
      CaseFiles& files = row.result.files;
      files.name = each.id, files.patient = each.patient, files.fold = data_.fold.name, files.centre = each.centre;
      if (run_.recipe.modalities.size() > 1) files.pattern = pattern.name;
      row.result.geometry.size = prepared.size;
      row.result.geometry.spacing_mm = prepared.spacing_mm;
      row.result.metrics = case_metrics({prepared.size, prepared.spacing_mm, truth, mask}, 1);
      result.cases.push_back(std::move(row));
    }
  }

  void write(const models::StateDict& kept, FoldResult& result) const {
    const Training training{seed_, result.kept_epoch, static_cast<std::int64_t>(data_.fold.train.size()),
                            static_cast<std::int64_t>(data_.fold.val.size()), data_.fold.name};
    result.model = folder_ / "model.safetensors";
    io::write_safetensors(result.model, to_arrays(kept), model_metadata(run_, training, result));
    io::write_file(folder_ / "model.md", model_card(run_, training, result, io::sha256_of_file(result.model)));
  }

  const RunData& run_;
  std::int64_t seed_;
  fs::path folder_;
  ProgressMeter& meter_;
  const BadCase& bad_;
  const std::function<void(const std::string&)>& notice_;
  FoldData data_;
};

}  // namespace

FoldResult run_fold(const RunData& run, CaseStore& store, const Fold& fold, std::int64_t seed, const fs::path& folder,
                    ProgressMeter& meter, const BadCase& bad, const std::function<void(const std::string&)>& notice) {
  return FoldRun(run, store, fold, seed, folder, meter, bad, notice).run();
}

std::string fingerprint(const Recipe& recipe, const std::vector<Case>& cases, const std::string& split) {
  Recipe plain = recipe;
  plain.name.clear(), plain.seeds = {0};
  std::string text = recipe_json(plain).dump() + "\n" + split;
  for (const Case& each : cases) {
    text += each.id + "\t" + each.patient + "\t" + each.class_name + "\t" + each.label.filename().string();
    for (const fs::path& image : each.images) text += "\t" + image.filename().string();
    text += "\n";
  }
  return io::sha256(std::as_bytes(std::span(text)));
}

}  // namespace fovea::pipeline::mri::training
