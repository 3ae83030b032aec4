// `mri train`: outlined slices -> a slice-wise segmentation network.
#include "jobs/jobs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/base/version.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>
#include <fovea/models/segmentation.h>
#include <fovea/models/train_segmentation.h>

#include "mri/augment.h"
#include "mri/preprocessing.h"
#include "mri/slice_normalisation.h"
#include "mri/slice_set.h"
#include "model_metadata.h"
#include "problems.h"
#include "progress.h"
#include "slide/words.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace mri {
namespace {

using Json = nlohmann::json;
using slide::fixed_text;

constexpr double kForegroundFraction = 8.0 / 255;  // darker pixels of an 8-bit slice are air
constexpr std::int64_t kValidationBatch = 16;
constexpr const char* kFigureLimits =
    "figures are per slice, and every slice holds an outlined structure: they say nothing about false alarms on "
    "healthy scans";

struct TrainRequest {
  std::filesystem::path slices, out, card;
  std::string data_note;
  std::vector<std::string> classes;
  std::int64_t size = 128;
  double pixel_mm = 0.98;
  std::vector<std::string> planes;
  models::SegConfig config;
  models::TrainOptions options;
  std::int64_t threads = 0;
};

std::vector<std::int64_t> filters_of(const JobValues& values) {
  std::vector<std::int64_t> filters;
  for (const std::string& text : values.list("filters")) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 1024)
      throw Error(ErrorCode::kUsage, "--filters", "'" + text + "' is no number of channels",
                  "Give 1 to 1024 for each level, for instance 12,24,48,96,128.");
    filters.push_back(value);
  }
  if (filters.size() < 2 || filters.size() > 8)
    throw Error(ErrorCode::kUsage, "--filters", "2 to 8 levels are possible", "For instance 12,24,48,96,128.");
  return filters;
}

void require(bool good, const std::string& option, const std::string& problem, const std::string& remedy) {
  if (!good) throw Error(ErrorCode::kUsage, option, problem, remedy);
}

TrainRequest train_request(const JobValues& values) {
  TrainRequest request;
  request.slices = values.text("slices"), request.out = values.text("out");
  request.card = values.text("card"), request.data_note = values.text("data-note");
  request.classes = values.list("classes"), request.planes = values.list("planes");
  request.size = values.integer("size"), request.pixel_mm = values.number("pixel-mm");
  request.config = {.architecture = "agunet",
                    .dims = 2,
                    .channels = 1,
                    .classes = 1 + static_cast<std::int64_t>(request.classes.size()),
                    .filters = filters_of(values)};
  request.options.epochs = values.integer("epochs"), request.options.learning_rate = values.number("lr");
  request.options.batch = values.integer("batch"),
  request.options.seed = static_cast<std::uint64_t>(values.integer("seed"));
  request.options.schedule = models::TrainOptions::Schedule::kOneCycle;
  request.threads = values.integer("threads");
  require(!request.classes.empty() && request.classes.size() < 255, "--classes",
          "between 1 and 254 classes are possible", "Name those of index.csv to be segmented.");
  require(request.size > 0 && request.size <= 1024 && request.size % request.config.divisor() == 0, "--size",
          "the side must be a multiple of " + std::to_string(request.config.divisor()) + " up to 1024",
          "Every level halves the image: take 128 for five levels.");
  require(request.options.epochs >= 1 && request.options.batch >= 1, "--epochs, --batch", "both must be at least 1",
          "Correct them.");
  require(request.options.learning_rate > 0 && request.options.learning_rate < 1, "--lr",
          "the learning rate must be between 0 and 1", "Take 0.002.");
  require(request.pixel_mm > 0, "--pixel-mm", "the pixel size must be positive",
          "Give the millimetres of one pixel of the image files.");
  for (const std::string& plane : request.planes)
    require(plane == "axial" || plane == "coronal" || plane == "sagittal", "--planes", "'" + plane + "' is no plane",
            "Give some of axial, coronal, sagittal.");
  require(request.out.extension() == ".safetensors", "--out", "the weights are written as safetensors",
          "Give a file name that ends in .safetensors.");
  return request;
}

/// [1, size, size] with x first, as the networks take it; pixels lie with x fastest.
at::Tensor image_tensor(std::vector<float> pixels, std::int64_t size) {
  normalise_slice(pixels, kForegroundFraction);
  at::Tensor image = at::empty({1, size, size}, at::kFloat);
  std::copy(pixels.begin(), pixels.end(), image.mutable_data_ptr<float>());
  return image.transpose(1, 2).contiguous();
}
at::Tensor label_tensor(const std::vector<std::uint8_t>& mask, std::int64_t size) {
  at::Tensor label = at::empty({size, size}, at::kLong);
  std::copy(mask.begin(), mask.end(), label.mutable_data_ptr<std::int64_t>());
  return label.transpose(0, 1).contiguous();
}

struct Scores {
  std::vector<double> dice;  ///< one per slice, mean over the classes outlined in it
  double mean() const {
    return dice.empty() ? 0 : std::accumulate(dice.begin(), dice.end(), 0.0) / static_cast<double>(dice.size());
  }
  double median() const {
    if (dice.empty()) return 0;
    std::vector<double> sorted = dice;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  double share_above(double limit) const {
    return dice.empty()
               ? 0
               : static_cast<double>(std::count_if(dice.begin(), dice.end(), [&](double d) { return d > limit; })) /
                     static_cast<double>(dice.size());
  }
};

double slice_dice(const at::Tensor& predicted, const at::Tensor& truth, std::int64_t classes) {
  double sum = 0;
  int counted = 0;
  for (std::int64_t c = 1; c < classes; ++c) {
    const at::Tensor p = predicted.eq(c), t = truth.eq(c);
    const auto both = p.logical_and(t).sum().item<double>(), total = p.sum().item<double>() + t.sum().item<double>();
    if (total == 0) continue;
    sum += 2 * both / total, ++counted;
  }
  return counted ? sum / counted : 1;
}

class TrainRun {
 public:
  TrainRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : request_(train_request(values)), meter_(sink, std::move(stop)) {}

  JobResult run() {
    if (request_.threads > 0) at::set_num_threads(static_cast<int>(request_.threads));
    const io::AtomicFile probe(request_.out);  // an output that cannot be written is said before the hours of training
    meter_.stage("reading slices", 0, 0.05);
    set_ =
        read_slice_set(request_.slices, request_.classes, request_.size, [this](double done) { meter_.advance(done); });
    const models::SegRow& row = models::seg_model(request_.config.architecture);
    const auto specs = row.specs(request_.config);
    const auto network = row.make(request_.config, models::random_state(specs, request_.options.seed));
    train(*network);
    meter_.stage("validating", 0.95, 0.99);
    const Scores scores = validate(*network);
    meter_.stage("writing the weights", 0.99, 1);
    return write(*network, models::parameter_count(specs), scores);
  }

 private:
  void train(models::SegNetwork& network) {
    meter_.stage("training", 0.05, 0.95);
    const auto samples = static_cast<std::int64_t>(set_.train.size());
    std::vector<std::optional<Fold>> folds;
    for (const OutlinedSlice& slice : set_.train) {
      folds.push_back(find_fold(slice, request_.size));
      foldable_ += folds.back().has_value();
      throw_if_stopped(meter_.stop());
    }
    const std::int64_t batches = (samples + request_.options.batch - 1) / request_.options.batch;
    models::SegTrainer trainer(network, {.rates = request_.options, .loss = {.cross_entropy = 1}},
                               batches * request_.options.epochs);
    for (std::int64_t epoch = 0; epoch < request_.options.epochs; ++epoch) {
      const std::vector<std::int64_t> order = models::shuffled(samples, request_.options.seed, epoch);
      double loss = 0;
      for (std::int64_t batch = 0; batch < batches; ++batch) {
        const std::int64_t first = batch * request_.options.batch;
        const std::int64_t last = std::min(samples, first + request_.options.batch);
        std::vector<at::Tensor> images, labels;
        for (std::int64_t i = first; i < last; ++i) {
          const std::int64_t index = order[static_cast<std::size_t>(i)];
          const auto at = static_cast<std::size_t>(index);
          const View view = augmented(set_.train[at], folds[at], request_.size, augmentation_,
                                      {request_.options.seed, epoch, index});
          images.push_back(image_tensor(view.image, request_.size));
          labels.push_back(label_tensor(view.mask, request_.size));
        }
        loss += trainer.step(at::stack(images), at::stack(labels)) * static_cast<double>(last - first) /
                static_cast<double>(samples);
        meter_.advance(static_cast<double>(epoch * batches + batch + 1) /
                       static_cast<double>(batches * request_.options.epochs));
      }
      losses_.push_back(loss);
      meter_.advance(static_cast<double>(epoch + 1) / static_cast<double>(request_.options.epochs),
                     "epoch " + std::to_string(epoch + 1) + " of " + std::to_string(request_.options.epochs) +
                         ": loss " + fixed_text(loss, 4));
    }
  }

  Scores validate(const models::SegNetwork& network) {
    const at::NoGradGuard no_grad;
    Scores scores;
    for (std::size_t first = 0; first < set_.val.size(); first += kValidationBatch) {
      const std::size_t last = std::min(set_.val.size(), first + kValidationBatch);
      at::Tensor batch =
          at::empty({static_cast<std::int64_t>(last - first), 1, request_.size, request_.size}, at::kFloat);
      for (std::size_t i = first; i < last; ++i)
        batch[static_cast<std::int64_t>(i - first)].copy_(image_tensor(set_.val[i].image, request_.size));
      const at::Tensor predicted = network.infer(batch).argmax(1);
      for (std::size_t i = first; i < last; ++i)
        scores.dice.push_back(slice_dice(predicted[static_cast<std::int64_t>(i - first)],
                                         label_tensor(set_.val[i].mask, request_.size), request_.config.classes));
      meter_.advance(static_cast<double>(last) / static_cast<double>(set_.val.size()));
    }
    return scores;
  }

  std::map<std::string, std::string> metadata(const Scores& scores) const {
    std::vector<std::string> labels{"background"};
    labels.insert(labels.end(), request_.classes.begin(), request_.classes.end());
    const models::SegConfig& c = request_.config;
    const std::string names = joined(labels, ",");
    const std::string side = std::to_string(request_.size);
    const Json preprocessing{{"task", "segmentation"},
                             {"imaging_modality", "MRI"},
                             {"new_axial_size", side + "," + side},
                             {"normalization_method", "zeromean"},
                             {"number_inputs", "1"},
                             {"nb_classes", std::to_string(labels.size())},
                             {"classes", names},
                             {"slice_spacing_mm", slide::number_text(request_.pixel_mm * set_.scale, 6)},
                             {"foreground_fraction", slide::number_text(kForegroundFraction, 6)},
                             {"trained_planes", joined(request_.planes, ",")}};
    const Json training{{"train_slices", set_.train.size()},
                        {"val_slices", set_.val.size()},
                        {"symmetric_slices", foldable_},
                        {"epochs", request_.options.epochs},
                        {"learning_rate", request_.options.learning_rate},
                        {"batch", request_.options.batch},
                        {"seed", request_.options.seed},
                        {"last_loss", losses_.empty() ? 0.0 : losses_.back()},
                        {"val_dice_mean", scores.mean()},
                        {"val_dice_median", scores.median()},
                        {"val_share_dice_above_half", scores.share_above(0.5)}};
    return {{"fovea.task", "segmentation"},
            {"fovea.architecture", c.architecture},
            {"fovea.config", config_json(c)},
            {"fovea.labels", Json(labels).dump()},
            {"fovea.preprocessing", preprocessing.dump()},
            {"fovea.training", training.dump()},
            {"fovea.card", (request_.data_note.empty() ? "" : request_.data_note + " ") +
                               "Trained on single outlined slices by fovea mri train; not for clinical use."}};
  }

  static std::string figure_line(const Scores& scores) {
    return "validation on " + std::to_string(scores.dice.size()) + " slices: Dice mean " +
           fixed_text(scores.mean(), 3) + ", median " + fixed_text(scores.median(), 3) + ", above 0.5 in " +
           fixed_text(100 * scores.share_above(0.5), 1) + " %\n";
  }

  std::string card_markdown(std::int64_t parameters, const Scores& scores, const std::string& sha256) const {
    const auto& o = request_.options;
    std::string text = "# " + request_.out.stem().string() + "\n\nWritten by `fovea mri train` (version " + version() +
                       "). SHA-256 `" + sha256 + "`.\n\n| | |\n|---|---|\n";
    text += "| network | " + request_.config.architecture + ", 2-D, " + std::to_string(parameters) +
            " parameters |\n| classes | " + joined(request_.classes, ",") + " |\n";
    text += "| input | " + std::to_string(request_.size) + " x " + std::to_string(request_.size) + " px of " +
            slide::number_text(request_.pixel_mm * set_.scale) + " mm, planes " + joined(request_.planes, ",") + " |\n";
    text += "| training | AdamW, one cycle to " + slide::number_text(o.learning_rate) + ", batch " +
            std::to_string(o.batch) + ", " + std::to_string(o.epochs) + " epochs, seed " + std::to_string(o.seed) +
            " |\n\n## Data\n\n";
    if (!request_.data_note.empty()) text += request_.data_note + "\n";
    text += "Trained on " + std::to_string(set_.train.size()) +
            " slices of the training split, flipped, turned, scaled, shifted and changed in contrast; for " +
            std::to_string(foldable_) +
            " of them the healthy half was also mirrored to a tumour-free view.\n\n## Figures\n\n";
    text += scores.dice.empty() ? "No validation slices.\n" : figure_line(scores);
    return text + "Note: " + kFigureLimits +
           ".\n\n## Not for\n\nResearch software. Not a medical device; not for clinical decisions.\n";
  }

  JobResult write(const models::SegNetwork& network, std::int64_t parameters, const Scores& scores) {
    throw_if_stopped(meter_.stop());
    const auto entries = metadata(scores);
    io::write_safetensors(request_.out, to_arrays(network.state()), entries);
    JobResult result;
    result.outputs = {request_.out};
    const std::string sha256 = io::sha256_of_file(request_.out);
    if (!request_.card.empty()) {
      io::write_file(request_.card, card_markdown(parameters, scores, sha256));
      result.outputs.push_back(request_.card);
    }
    result.text =
        "trained on " + std::to_string(set_.train.size()) + " slices, " + std::to_string(parameters) + " parameters\n";
    if (!scores.dice.empty()) result.text += figure_line(scores);
    result.notices.push_back(kFigureLimits);
    Json summary = Json::parse(entries.at("fovea.training"));
    summary["parameters"] = parameters;
    summary["sha256"] = sha256;
    summary["losses"] = losses_;
    result.json = summary.dump(2);
    return result;
  }

  TrainRequest request_;
  ProgressMeter meter_;
  Augmentation augmentation_;
  SliceSet set_;
  std::vector<double> losses_;
  std::int64_t foldable_ = 0;  ///< training slices that also give a tumour-free view
};

}  // namespace
}  // namespace mri

JobKind mri_train_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "mri train";
  kind.summary = "Train a slice-wise segmentation network on outlined slices";
  kind.details =
      "Reads a folder with index.csv (columns id, class, split: train or val), images/<id>.png and masks/<id>.png, "
      "trains AGUNet with dims 2\n"
      "on the training split with flips, rotation, scale, shift and contrast, and writes weights with all that mri "
      "segment needs.\n"
      "Slices of other splits than train and val are never opened. Same seed and machine: same weights.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run, 130 cancelled (no weights are written).\n"
      "Example: fovea mri train --slices tumour-t1ce --classes meningioma --out mri-meningioma-2d.safetensors";
  kind.parameters = {
      {.name = "slices", .type = T::kFolder, .help = "Folder with index.csv, images/ and masks/", .required = true},
      {.name = "out", .type = T::kOutputFile, .help = "Weight file to write (.safetensors)", .required = true},
      {.name = "card", .type = T::kOutputFile, .help = "Also write a model card (Markdown)", .fallback = std::string{}},
      {.name = "data-note",
       .type = T::kText,
       .help = "A sentence for the model card: where the data come from and their licence",
       .fallback = std::string{}},
      {.name = "classes",
       .type = T::kTextList,
       .help = "Classes of index.csv to segment, one label each",
       .fallback = std::vector<std::string>{"meningioma"}},
      {.name = "size",
       .type = T::kInteger,
       .help = "Side of the network's square input in pixels",
       .fallback = std::int64_t{128}},
      {.name = "pixel-mm", .type = T::kNumber, .help = "Pixel size of the image files in mm", .fallback = 0.98},
      {.name = "planes",
       .type = T::kTextList,
       .help = "Planes the slices were cut in: some of axial, coronal, sagittal",
       .fallback = std::vector<std::string>{"axial"}},
      {.name = "filters",
       .type = T::kTextList,
       .help = "Channels of each level, full resolution first",
       .fallback = std::vector<std::string>{"12", "24", "48", "96", "128"}},
      {.name = "epochs",
       .type = T::kInteger,
       .help = "Passes over the training slices",
       .fallback = std::int64_t{24},
       .group = "Training"},
      {.name = "lr",
       .type = T::kNumber,
       .help = "Highest learning rate of the one-cycle schedule",
       .fallback = 0.002,
       .group = "Training"},
      {.name = "batch", .type = T::kInteger, .help = "Slices a step", .fallback = std::int64_t{8}, .group = "Training"},
      {.name = "seed",
       .type = T::kInteger,
       .help = "Seed of weights, order and augmentation",
       .fallback = std::int64_t{0},
       .group = "Training"},
      {.name = "threads",
       .type = T::kInteger,
       .help = "Threads (0 = as many as the machine has cores)",
       .fallback = std::int64_t{0},
       .group = "Run"}};
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return mri::TrainRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
