// Training of MIL heads: AdamW, one bag a step, the schedule per step (mil.md 5).
#include <fovea/models/train.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>

#include <fovea/base/error.h>

#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/share.h"

namespace fovea::models {
namespace {

constexpr const char* kBags = "bags";                    // seen so far, in the saved state
constexpr std::uint64_t kApart = 0x9E3779B97F4A7C15ull;  // keeps the draws of steps and purposes apart

void require(bool holds, const char* problem, const char* remedy) {
  if (!holds) throw Error(ErrorCode::kUsage, "training", problem, remedy);
}

void check(const TrainOptions& options, std::int64_t steps) {
  const MilRecipe& mil = options.mil;
  require(steps >= 1 && options.epochs >= 1 && options.learning_rate > 0,
          "bags, epochs and learning rate must be positive", "Correct them.");
  require(mil.subsample > 0 && mil.subsample <= 1, "the share of instances to see is not between 0 and 1",
          "Give 1 for all instances.");
  require(mil.drop_instances >= 0 && mil.drop_instances < 1, "the share of instances to leave out is not below 1",
          "Give a share such as 0.1.");
  require(!mil.dropout || (*mil.dropout >= 0 && *mil.dropout < 1), "the dropout is not between 0 and 1",
          "Give a share such as 0.25.");
  require(options.warm_up >= 0 && options.warm_up < 1, "the warm-up is not a share of the steps below 1",
          "Give a share such as 0.1.");
  require(mil.accumulate >= 1, "fewer than one bag an update", "Give 1 for an update after every bag.");
}

/// floor(share N) rows, at least one, in their order.
at::Tensor some_rows(const at::Tensor& bag, double share, std::uint64_t seed) {
  const std::int64_t n = bag.size(0);
  const auto kept = std::max<std::int64_t>(1, static_cast<std::int64_t>(share * static_cast<double>(n)));
  if (kept >= n) return bag;
  const double dropped = (static_cast<double>(n - kept) + 0.5) / static_cast<double>(n);  // half: rounding is harmless
  const at::Tensor keep = attention::keep_instances(n, dropped, seed);
  return bag.index_select(0, keep.nonzero().flatten().to(bag.device()));
}

}  // namespace

class MilTrainer::Run {
 public:
  Run(MilModel& model, const TrainOptions& options, std::int64_t steps)
      : model_(model),
        options_(options),
        steps_(steps),
        dropout_(options.mil.dropout.value_or(mil_model(model.config().architecture).dropout)),
        share_(options.mil.accumulate),
        on_loan_(model.specs(), model.state()),
        optimizer_(on_loan_.parameters(), {.weight_decay = options.weight_decay, .decoupled = !options.l2}) {}

  MilLoss step(const at::Tensor& bag, const at::Tensor& label, const std::optional<at::Tensor>& masked,
               const at::Tensor& coords) {
    const at::AutoGradMode with_gradients(true);
    rate_ = learning_rate_at(options_, share_.sample(done_), steps_);
    if (share_.begins_update(done_)) optimizer_.zero_grad();
    const MilOutput output = model_.forward(seen(bag), step_of(masked, coords));
    attention_ = output.attn_softmax.detach();
    const MilLoss loss = model_.loss(output, label, weights());
    const auto value = loss.total.item<double>();
    require(std::isfinite(value), "the loss is no longer a finite number",
            "Lower the learning rate and check the features for NaN.");
    const std::int64_t bags = share_.samples_per_update();
    (bags == 1 ? loss.total : loss.total / static_cast<double>(bags)).backward();
    share_.add_loss(value);
    // The bag counts once the update that it ends is made: where another process has gone, it is not.
    if (share_.ends_update(done_)) {
      share_.sum_gradients(on_loan_.parameters());
      rate_ = learning_rate_at(options_, share_.last_sample(done_), steps_);
      optimizer_.step(rate_ * static_cast<double>(bags));
    }
    ++done_;
    return loss;
  }
  double learning_rate() const { return rate_; }
  const at::Tensor& attention() const { return attention_; }
  StateDict saved() const {
    StateDict saved = optimizer_.saved();
    saved[kBags] = at::scalar_tensor(share_.saved(done_), at::kLong);
    return saved;
  }
  void restore(const StateDict& saved) {
    optimizer_.restore(saved);
    const auto found = saved.find(kBags);
    require(found != saved.end(), "its state does not say how many bags were seen", "Start the training again.");
    done_ = found->second.item<std::int64_t>();
    rate_ = learning_rate_at(options_, share_.last_sample(std::max<std::int64_t>(done_ - 1, 0)), steps_);
  }

 private:
  std::uint64_t seed(std::uint64_t purpose) const {
    return options_.seed + kApart * (4 * static_cast<std::uint64_t>(share_.sample(done_)) + purpose);
  }
  at::Tensor seen(const at::Tensor& bag) const {
    return some_rows(some_rows(bag, options_.mil.subsample, seed(0)), 1 - options_.mil.drop_instances, seed(1));
  }
  MilStep step_of(const std::optional<at::Tensor>& masked, const at::Tensor& coords) const {
    return {masked, options_.mil.stkim, dropout_, seed(2), coords.defined() ? seen(coords) : coords};
  }
  MilLossOptions weights() const {
    MilLossOptions weights = options_.mil.loss;
    weights.adversarial.seed = seed(3);
    if (options_.mil.anneal_aem)
      weights.aem_lambda = attention::annealed_weight(weights.aem_lambda, static_cast<double>(share_.sample(done_)),
                                                      static_cast<double>(steps_));
    return weights;
  }

  MilModel& model_;
  TrainOptions options_;
  std::int64_t steps_, done_ = 0;
  double dropout_, rate_ = 0;
  at::Tensor attention_;
  Share share_;
  TrainableWhile on_loan_;
  AdamW optimizer_;
};

MilTrainer::MilTrainer(MilModel& model, const TrainOptions& options, std::int64_t steps) {
  check(options, steps);
  run_ = std::make_unique<Run>(model, options, steps);
}
MilTrainer::~MilTrainer() = default;
MilLoss MilTrainer::step(const at::Tensor& bag, const at::Tensor& label, const std::optional<at::Tensor>& masked,
                         const at::Tensor& coords) {
  return run_->step(bag, label, masked, coords);
}
const at::Tensor& MilTrainer::attention() const {
  return run_->attention();
}
StateDict MilTrainer::saved() const {
  return run_->saved();
}
void MilTrainer::restore(const StateDict& saved) {
  run_->restore(saved);
}
double MilTrainer::learning_rate() const {
  return run_->learning_rate();
}

void train_mil(MilModel& model, std::int64_t bags,
               const std::function<std::pair<at::Tensor, std::int64_t>(std::int64_t)>& bag, const TrainOptions& options,
               const EpochSink& sink) {
  MilTrainer trainer(model, options, options.epochs * bags);
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    double sum = 0;
    for (const std::int64_t index : shuffled(bags, options.seed, epoch)) {
      const auto [features, label] = bag(index);
      sum += trainer.step(features, at::scalar_tensor(label, at::kLong)).total.item<double>();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (sink && !sink({epoch, sum / static_cast<double>(bags), trainer.learning_rate(), seconds})) return;
  }
}

}  // namespace fovea::models
