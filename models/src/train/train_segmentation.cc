// Training of segmentation networks on one machine: AdamW, Dice plus cross-entropy over all heads.
#include <fovea/models/train.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>

#include <fovea/base/error.h>

#include "train/optimizer.h"

namespace fovea::models {
namespace {

/// Half-cosine to 0, or one cycle: warm-up over the first 30 % from 1/25, then cosine to 1/250,000. Per step, not per
/// epoch.
double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t steps) {
  const auto cosine = [](double from, double to, double done) {
    return to + (from - to) * (1 + std::cos(std::numbers::pi * done)) / 2;
  };
  const double done = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(steps, 1));
  const double peak = options.learning_rate;
  constexpr double kWarmUp = 0.3;
  if (!options.one_cycle) return cosine(peak, 0, done);
  if (done < kWarmUp) return cosine(peak / 25, peak, done / kWarmUp);
  return cosine(peak, peak / 250'000, (done - kWarmUp) / (1 - kWarmUp));
}

/// Own shuffle: std::shuffle may differ between standard libraries, and a seed must mean the same run everywhere.
std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                         static_cast<std::uint32_t>(epoch)};
  std::mt19937_64 random(sequence);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

struct Batch {
  at::Tensor image, label;
};

Batch make_batch(std::span<const std::int64_t> indices, std::int64_t epoch,
                 const std::function<std::pair<at::Tensor, at::Tensor>(std::int64_t, std::int64_t)>& sample,
                 const at::TensorOptions& like) {
  std::vector<at::Tensor> images, labels;
  for (const std::int64_t index : indices) {
    auto [image, label] = sample(index, epoch);
    if (!images.empty() && (image.sizes() != images[0].sizes() || label.sizes() != labels[0].sizes())) {
      throw Error(ErrorCode::kShape, "training sample " + std::to_string(index), "it has another size than its batch",
                  "Resample all samples to one grid, or train with a batch of 1.");
    }
    images.push_back(std::move(image));
    labels.push_back(std::move(label));
  }
  // Plain layout: channels_last, best for inference, made a training step 15 % slower (2-D, batch of 8, 160 x 160).
  return {at::stack(images).to(like), at::stack(labels).to(like.device(), at::kLong)};
}

std::vector<at::Tensor> trainable(const SegNetwork& network) {
  std::vector<at::Tensor> parameters;
  for (const TensorSpec& spec : network.specs()) {
    if (spec.is_buffer()) continue;
    parameters.push_back(network.state().at(spec.name));
    parameters.back().requires_grad_(true);
  }
  return parameters;
}

double train_step(const SegNetwork& network, const Batch& batch, AdamW& optimizer, double learning_rate) {
  optimizer.zero_grad();
  const at::Tensor loss = deep_supervision_loss(network.forward(batch.image, true), batch.label, true);
  const double value = loss.item<double>();
  if (!std::isfinite(value)) {
    throw Error(ErrorCode::kUsage, "training", "the loss is no longer a finite number",
                "Lower the learning rate and check the images for NaN.");
  }
  loss.backward();
  optimizer.step(learning_rate);
  return value;
}

void check_options(const TrainOptions& options, std::int64_t samples) {
  if (samples < 1)
    throw Error(ErrorCode::kUsage, "training", "there are no samples", "Give at least one image and label.");
  if (options.epochs < 1 || options.batch < 1 || !(options.learning_rate > 0)) {
    throw Error(ErrorCode::kUsage, "training", "epochs, batch and learning rate must be positive", "Correct them.");
  }
}

/// The network leaves training as it came: no gradients kept, no tensor that asks for one.
class TrainableWhile {
 public:
  explicit TrainableWhile(const SegNetwork& network) : parameters_(trainable(network)) {}
  ~TrainableWhile() {
    for (at::Tensor& parameter : parameters_) {
      parameter.mutable_grad() = at::Tensor();
      parameter.requires_grad_(false);
    }
  }
  TrainableWhile(const TrainableWhile&) = delete;
  TrainableWhile& operator=(const TrainableWhile&) = delete;
  const std::vector<at::Tensor>& parameters() const { return parameters_; }

 private:
  std::vector<at::Tensor> parameters_;
};

}  // namespace

void train_segmentation(SegNetwork& network, std::int64_t samples,
                        const std::function<std::pair<at::Tensor, at::Tensor>(std::int64_t, std::int64_t)>& sample,
                        const TrainOptions& options, const EpochSink& sink) {
  check_options(options, samples);
  const at::AutoGradMode with_gradients(true);
  const TrainableWhile scope(network);
  AdamW optimizer(scope.parameters(), {.weight_decay = options.weight_decay});
  const at::TensorOptions like = scope.parameters().front().options().requires_grad(false);
  const std::int64_t batches = (samples + options.batch - 1) / options.batch, steps = batches * options.epochs;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<std::int64_t> order = shuffled(samples, options.seed, epoch);
    EpochReport report{.epoch = epoch};
    for (std::int64_t step = 0; step < batches; ++step) {
      const auto first = static_cast<std::size_t>(step * options.batch);
      const std::size_t count = std::min(static_cast<std::size_t>(options.batch), order.size() - first);
      const Batch batch = make_batch(std::span(order).subspan(first, count), epoch, sample, like);
      report.learning_rate = learning_rate_at(options, epoch * batches + step, steps);
      const double loss = train_step(network, batch, optimizer, report.learning_rate);
      report.loss += loss * static_cast<double>(count) / static_cast<double>(samples);
    }
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (sink && !sink(report)) return;
  }
}

}  // namespace fovea::models
