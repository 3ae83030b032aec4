#include <fovea/models/train_segmentation.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>

#include <fovea/base/error.h>
#include <fovea/models/state_copy.h>

#include "train/optimizer.h"
#include "train/schedule.h"

namespace fovea::models {
namespace {

constexpr const char* kBatches = "batches";
constexpr const char* kAverage = "average.";

void require(bool good, const std::string& problem, const std::string& remedy) {
  if (!good) throw Error(ErrorCode::kUsage, "training", problem, remedy);
}

void check(const SegTraining& options, std::int64_t steps) {
  require(steps >= 1, "there are no steps", "Give at least one image and label.");
  require(options.rates.learning_rate > 0 && options.accumulate >= 1,
          "the learning rate must be positive and accumulation at least 1", "Correct them.");
  require(options.clip >= 0 && options.average >= 0 && options.average < 1,
          "clipping must not be negative and the average's decay must be from 0 to below 1", "Correct them.");
}

}  // namespace

class SegTrainer::Run {
 public:
  Run(SegNetwork& network, const SegTraining& options, std::int64_t steps)
      : network_(network),
        options_(options),
        steps_(steps),
        on_loan_(network.specs(), network.state()),
        optimizer_(on_loan_.parameters(),
                   {.weight_decay = options.rates.weight_decay, .decoupled = !options.rates.l2}) {
    if (options.average > 0) average_ = copied(network.state());
  }

  double step(const SegInput& batch, const at::Tensor& label) {
    const at::AutoGradMode with_gradients(true);
    rate_ = learning_rate_at(options_.rates, done_, steps_);
    if (done_ % options_.accumulate == 0) optimizer_.zero_grad();
    // Dropout draws from this generator: seeded for every step, a resumed run drops the same channels.
    at::manual_seed(options_.rates.seed + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(done_ + 1));
    const at::Tensor loss = segmentation_loss(network_.forward(batch, true), label, options_.loss);
    const double value = loss.item<double>();
    require(std::isfinite(value), "the loss is no longer a finite number",
            "Lower the learning rate and check the images for NaN.");
    (options_.accumulate == 1 ? loss : loss / static_cast<double>(options_.accumulate)).backward();
    if (++done_ % options_.accumulate == 0) update();
    return value;
  }

  double learning_rate() const { return rate_; }
  const StateDict& kept() const { return options_.average > 0 ? average_ : network_.state(); }

  StateDict saved() const {
    StateDict saved = optimizer_.saved();
    saved[kBatches] = at::scalar_tensor(done_, at::kLong);
    for (const auto& [name, tensor] : average_) saved[kAverage + name] = tensor.clone();
    return saved;
  }
  void restore(const StateDict& saved) {
    optimizer_.restore(saved);
    const auto found = saved.find(kBatches);
    require(found != saved.end(), "its state does not say how many batches were seen", "Start the training again.");
    done_ = found->second.item<std::int64_t>();
    rate_ = learning_rate_at(options_.rates, std::max<std::int64_t>(done_ - 1, 0), steps_);
    for (auto& [name, tensor] : average_) {
      const auto kept = saved.find(kAverage + name);
      require(kept != saved.end() && kept->second.sizes() == tensor.sizes(), "its state lacks the averaged weights",
              "Start the training again.");
      tensor.copy_(kept->second);
    }
  }

 private:
  void update() {
    if (options_.clip > 0) clip_gradients();
    optimizer_.step(rate_);
    if (options_.average > 0) move_average();
  }

  void clip_gradients() {
    const at::NoGradGuard no_grad;
    double squares = 0;
    for (const at::Tensor& parameter : on_loan_.parameters())
      if (parameter.grad().defined()) squares += parameter.grad().square().sum().item<double>();
    const double norm = std::sqrt(squares);
    if (norm <= options_.clip) return;
    for (const at::Tensor& parameter : on_loan_.parameters())
      if (parameter.grad().defined()) parameter.mutable_grad().mul_(options_.clip / norm);
  }

  /// Young averages forget faster, or the random start would stay in them for long.
  void move_average() {
    const at::NoGradGuard no_grad;
    const auto updates = static_cast<double>(done_ / options_.accumulate);
    const double decay = std::min(options_.average, (1 + updates) / (10 + updates));
    for (auto& [name, tensor] : average_) tensor.lerp_(network_.state().at(name).detach(), 1 - decay);
  }

  SegNetwork& network_;
  SegTraining options_;
  std::int64_t steps_, done_ = 0;
  double rate_ = 0;
  TrainableWhile on_loan_;
  AdamW optimizer_;
  StateDict average_;
};

SegTrainer::SegTrainer(SegNetwork& network, const SegTraining& options, std::int64_t steps) {
  check(options, steps);
  run_ = std::make_unique<Run>(network, options, steps);
}
SegTrainer::~SegTrainer() = default;
double SegTrainer::step(const SegInput& batch, const at::Tensor& label) {
  return run_->step(batch, label);
}
double SegTrainer::learning_rate() const {
  return run_->learning_rate();
}
const StateDict& SegTrainer::kept() const {
  return run_->kept();
}
StateDict SegTrainer::saved() const {
  return run_->saved();
}
void SegTrainer::restore(const StateDict& saved) {
  run_->restore(saved);
}

}  // namespace fovea::models
