// Small trainers: enough to make the demo weights and to train on one machine. The data come through callbacks, so that
// this layer never sees a file.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <fovea/models/mil.h>
#include <fovea/models/segmentation.h>

namespace fovea::models {

struct TrainOptions {
  std::int64_t epochs = 50;
  double learning_rate = 1e-4, weight_decay = 1e-5;
  std::int64_t batch = 1;
  double aem_lambda = 0;
  bool one_cycle = false;  ///< else half-cosine to 0 per iteration (mil.md 5)
  std::uint64_t seed = 0;
};

struct EpochReport {
  std::int64_t epoch = 0;
  double loss = 0, learning_rate = 0, seconds = 0;
};
/// Return false to stop early.
using EpochSink = std::function<bool(const EpochReport&)>;

/// AdamW, one bag a step, shuffled. `bag(i)` gives features [N, D] and the label. Trains model.state() in place.
void train_mil(MilModel& model, std::int64_t bags,
               const std::function<std::pair<at::Tensor, std::int64_t>(std::int64_t)>& bag, const TrainOptions& options,
               const EpochSink& sink);

/// AdamW, sum over heads of foreground Dice plus cross-entropy. `sample(i, epoch)` gives image [C, spatial...] float32
/// and label int64 [spatial...]; augmentation is the caller's.
void train_segmentation(SegNetwork& network, std::int64_t samples,
                        const std::function<std::pair<at::Tensor, at::Tensor>(std::int64_t, std::int64_t)>& sample,
                        const TrainOptions& options, const EpochSink& sink);

}  // namespace fovea::models
