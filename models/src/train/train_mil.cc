// Training of MIL heads: AdamW, one bag a step, the schedule per step (mil.md 5).
#include <fovea/models/train.h>

#include <chrono>
#include <cmath>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>

#include <fovea/base/error.h>

#include "train/optimizer.h"
#include "train/schedule.h"

namespace fovea::models {

void train_mil(MilModel& model, std::int64_t bags,
               const std::function<std::pair<at::Tensor, std::int64_t>(std::int64_t)>& bag, const TrainOptions& options,
               const EpochSink& sink) {
  if (bags < 1 || options.epochs < 1 || !(options.learning_rate > 0))
    throw Error(ErrorCode::kUsage, "training", "bags, epochs and learning rate must be positive", "Correct them.");
  const at::AutoGradMode with_gradients(true);
  const TrainableWhile on_loan(model.specs(), model.state());
  AdamW optimizer(on_loan.parameters(), {.weight_decay = options.weight_decay});
  std::int64_t step = 0;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    double sum = 0, rate = 0;
    for (const std::int64_t index : shuffled(bags, options.seed, epoch)) {
      const auto [features, label] = bag(index);
      rate = learning_rate_at(options, step++, options.epochs * bags);
      optimizer.zero_grad();
      const MilLoss loss = mil_loss(model.forward(features), at::scalar_tensor(label, at::kLong), options.aem_lambda);
      const double value = loss.total.item<double>();
      if (!std::isfinite(value))
        throw Error(ErrorCode::kUsage, "training", "the loss is no longer a finite number",
                    "Lower the learning rate and check the features for NaN.");
      loss.total.backward();
      optimizer.step(rate);
      sum += value;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (sink && !sink({epoch, sum / static_cast<double>(bags), rate, seconds})) return;
  }
}

}  // namespace fovea::models
