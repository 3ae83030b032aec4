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
#include "train/schedule.h"

namespace fovea::models {
namespace {

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

}  // namespace

void train_segmentation(SegNetwork& network, std::int64_t samples,
                        const std::function<std::pair<at::Tensor, at::Tensor>(std::int64_t, std::int64_t)>& sample,
                        const TrainOptions& options, const EpochSink& sink) {
  check_options(options, samples);
  const at::AutoGradMode with_gradients(true);
  const TrainableWhile scope(network.specs(), network.state());
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
