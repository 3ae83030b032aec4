// `slide train`: bags -> weights with what they are. Small on purpose: enough for the demo's weights and for one
// machine.
#include "jobs/jobs.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>
#include <fovea/models/train.h>

#include "model_metadata.h"
#include "model_store.h"
#include "progress.h"
#include "slide/attention_values.h"
#include "evaluation/metrics.h"
#include "slide/train_options.h"
#include "slide/training_bags.h"
#include "slide/words.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace slide {
namespace {

struct Figures {
  std::optional<double> auc, localisation;  ///< of bags; of the attention on instances in positive bags
  double accuracy = 0;
  std::int64_t bags = 0;
};

/// Attention against known evidence in bags that have both kinds of instances.
void add_localisation(const models::MilOutput& output, const LabelledBag& bag, double& sum, int& count) {
  if (bag.label == 0 || bag.evidence.empty()) return;
  const at::Tensor mean = output.attn_softmax.flatten(0, -2).mean(0).contiguous();
  if (const auto area = evaluation::auroc({mean.const_data_ptr<float>(), bag.evidence.size()}, bag.evidence))
    sum += *area, ++count;
}

Figures evaluate(const models::MilModel& model, const BagSet& bags, const std::function<void(double)>& progress) {
  const at::NoGradGuard no_grad;
  std::vector<float> probabilities;
  std::vector<std::int64_t> labels;
  double localisation = 0;
  int localised = 0;
  for (std::int64_t i = 0; i < bags.count; ++i) {
    const LabelledBag bag = bags.bag(i);
    const models::MilOutput output = model.forward(bag.rows);
    const at::Tensor row = output.bag_prob.contiguous();
    probabilities.insert(probabilities.end(), row.const_data_ptr<float>(), row.const_data_ptr<float>() + row.numel());
    labels.push_back(bag.label);
    add_localisation(output, bag, localisation, localised);
    progress(static_cast<double>(i + 1) / static_cast<double>(bags.count));
  }
  Figures figures;
  figures.bags = bags.count;
  figures.auc = evaluation::macro_auroc(probabilities, model.config().classes, labels);
  figures.accuracy = evaluation::accuracy(probabilities, model.config().classes, labels);
  if (localised > 0) figures.localisation = localisation / localised;
  return figures;
}

/// Asked for and without effect, whatever the bag.
bool masks_nothing(const attention::StkimOptions& stkim) {
  return stkim.n_masked > 0 && stkim.mask_drop > 0 && attention::stkim_drops(stkim.n_masked, stkim) == 0;
}

std::vector<std::string> figure_lines(const Figures& figures) {
  if (figures.bags == 0) return {"No bags were kept out for validation: nothing is known about its accuracy."};
  std::vector<std::string> lines{"On " + std::to_string(figures.bags) + " validation bags: AUC " +
                                 (figures.auc ? fixed_text(*figures.auc, 3) : "undefined") + ", accuracy " +
                                 fixed_text(figures.accuracy, 3) + " (last epoch)."};
  if (figures.localisation)
    lines.push_back("Attention against the instances that make a bag positive: AUROC " +
                    fixed_text(*figures.localisation, 3) + ".");
  return lines;
}

std::map<std::string, std::string> metadata_of(const models::MilConfig& config, const TrainingBags& bags,
                                               const std::string& card) {
  std::map<std::string, std::string> metadata{{"fovea.task", "mil"},
                                              {"fovea.architecture", config.architecture},
                                              {"fovea.config", config_json(config)},
                                              {"fovea.labels", nlohmann::json(bags.labels).dump()},
                                              {"fovea.card", card}};
  if (!bags.encoder.empty()) metadata["fovea.encoder"] = bags.encoder;
  if (bags.mpp) metadata["fovea.mpp"] = number_text(*bags.mpp);
  if (bags.tile_px) metadata["fovea.tile_px"] = std::to_string(*bags.tile_px);
  return metadata;
}

std::string card_markdown(const TrainOptions& options, const models::MilConfig& config, const TrainingBags& bags,
                          const Figures& figures, const std::string& sha256) {
  std::string text = "# " + options.out.stem().string() + "\n\nWritten by `fovea slide train` (version " + version() +
                     "). SHA-256 `" + sha256 + "`.\n\n";
  text += "| | |\n|---|---|\n| network | " + config.architecture + ", D " + std::to_string(config.features) + ", L " +
          std::to_string(config.inner) + ", A " + std::to_string(config.attention) + ", K " +
          std::to_string(config.branches) + " |\n| classes |";
  for (const std::string& label : bags.labels) text += " " + label + (label == bags.labels.back() ? "" : ",");
  text += " |\n| encoder | " + (bags.encoder.empty() ? "unknown" : bags.encoder) +
          (bags.mpp ? ", tiles at " + number_text(*bags.mpp) + " um/px" : "") + " |\n";
  text += "| training | AdamW, learning rate " + number_text(options.learning_rate) + ", weight decay " +
          number_text(options.weight_decay) + ", " + std::to_string(options.epochs) + " epochs, AEM weight " +
          number_text(options.recipe.loss.aem_lambda) + ", seed " + std::to_string(options.seed) + " |\n\n## Data\n\n";
  if (!options.data_note.empty()) text += options.data_note + "\n";
  for (const std::string& line : bags.card) text += line + "\n";
  text += "\n## Figures\n\n";
  for (const std::string& line : figure_lines(figures)) text += line + "\n";
  return text +
         "\n## Not for\n\nResearch software. Not a medical device; not for clinical decisions. Attention shows where "
         "the network looked, not where disease is.\n";
}

class TrainRun {
 public:
  TrainRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : options_(train_options(values)), meter_(sink, std::move(stop)) {
    if (options_.threads > 0) at::set_num_threads(static_cast<int>(options_.threads));
  }

  JobResult run() {
    const io::AtomicFile probe(options_.out);  // an unwritable target is known before the work, not after it
    const TrainingBags bags = read_bags();
    std::unique_ptr<models::MilModel> model = make_model(bags);
    train(*model, bags);
    meter_.stage("validating", 0.95, 0.99);
    const Figures figures = evaluate(*model, bags.validation, [this](double done) { meter_.advance(done); });
    return write(*model, bags, figures);
  }

 private:
  TrainingBags read_bags() {
    if (!options_.bags.empty()) {
      meter_.stage("reading bags", 0, 0.05);
      return bags_on_disk(options_);
    }
    meter_.stage("encoding tiles", 0, 0.4);
    const LoadedEncoder loaded = load_encoder(options_.encoder, false);
    const at::NoGradGuard no_grad;
    return bags_from_tiles(options_, *loaded.encoder, [this](double done) { meter_.advance(done); });
  }

  std::unique_ptr<models::MilModel> make_model(const TrainingBags& bags) const {
    models::MilConfig config;
    config.architecture = options_.architecture;
    config.features = bags.features;
    config.inner = options_.inner, config.attention = options_.attention, config.branches = options_.branches;
    config.classes = static_cast<std::int64_t>(bags.labels.size());
    const models::MilRow& row = models::mil_model(options_.architecture);
    config = row.completed(config);
    return row.make(config, models::random_state(row.specs(config), static_cast<std::uint64_t>(options_.seed)));
  }

  void train(models::MilModel& model, const TrainingBags& bags) {
    meter_.stage("training", bags.tile_px && !options_.tiles.empty() ? 0.4 : 0.05, 0.95);
    models::TrainOptions training;
    training.epochs = options_.epochs, training.learning_rate = options_.learning_rate,
    training.weight_decay = options_.weight_decay;
    training.mil = options_.recipe, training.seed = static_cast<std::uint64_t>(options_.seed);
    std::int64_t steps = 0;
    const auto total = static_cast<double>(bags.train.count * options_.epochs);
    const auto next_bag = [&](std::int64_t index) {
      meter_.advance(static_cast<double>(steps++) / total);
      LabelledBag bag = bags.train.bag(index);
      return std::pair(std::move(bag.rows), bag.label);
    };
    models::train_mil(model, bags.train.count, next_bag, training, [&](const models::EpochReport& report) {
      meter_.advance(static_cast<double>(steps) / total, "epoch " + std::to_string(report.epoch + 1) + " of " +
                                                             std::to_string(options_.epochs) + ": loss " +
                                                             fixed_text(report.loss, 3));
      return true;
    });
  }

  JobResult write(const models::MilModel& model, const TrainingBags& bags, const Figures& figures) {
    meter_.stage("writing the model", 0.99, 1);
    std::string card = options_.data_note;
    for (const auto& lines : {bags.card, figure_lines(figures)})
      for (const std::string& line : lines) card += (card.empty() ? "" : " ") + line;
    card += " Research only; not for clinical decisions.";
    JobResult result;
    io::write_safetensors(options_.out, to_arrays(model.state()), metadata_of(model.config(), bags, card));
    result.outputs.push_back(options_.out);
    const std::string sha256 = io::sha256_of_file(options_.out);
    if (!options_.card.empty()) {
      io::write_file(options_.card, card_markdown(options_, model.config(), bags, figures, sha256));
      result.outputs.push_back(options_.card);
    }
    for (const std::string& line : figure_lines(figures)) result.text += line + "\n";
    if (masks_nothing(options_.recipe.stkim))
      result.notices.push_back(
          "--stkim-drop of so few --stkim-candidates is less than one instance: nothing was masked");
    nlohmann::json json{{"fovea_training", 1},
                        {"sha256", sha256},
                        {"architecture", model.config().architecture},
                        {"config", nlohmann::json::parse(config_json(model.config()))},
                        {"validation_bags", figures.bags},
                        {"accuracy", figures.accuracy}};
    json["auc"] = figures.auc ? nlohmann::json(*figures.auc) : nlohmann::json(nullptr);
    if (figures.localisation) json["localisation_auroc"] = *figures.localisation;
    result.json = json.dump(2);
    return result;
  }

  TrainOptions options_;
  ProgressMeter meter_;
};

}  // namespace
}  // namespace slide

JobKind slide_train_job() {
  JobKind kind;
  kind.name = "slide train";
  kind.summary = "Train a small MIL model on feature bags, or on bags composed from labelled tiles";
  kind.details =
      "One bag a step, AdamW, half-cosine learning rate, last epoch kept. Writes a safetensors file that says what it "
      "was trained on.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run, 130 cancelled (nothing written).\n"
      "Example: fovea slide train --bags features/ --labels-csv labels.csv --labels normal,tumour --out "
      "model.safetensors";
  kind.parameters = slide::train_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return slide::TrainRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
