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
#include "train/share.h"

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

/// What batch normalisation gathers as it goes. Of several processes each has that of its own samples: it waits beside
/// the network until the update, when all take over the mean.
class Statistics {
 public:
  Statistics(const SegNetwork& network, bool apart) {
    if (!apart) return;
    for (const TensorSpec& spec : network.specs())
      if (spec.is_buffer() && network.state().at(spec.name).is_floating_point())
        of_network_.push_back(network.state().at(spec.name));
    begin();
  }
  void begin() { waiting_ = copies(of_network_); }
  /// `step`: forward and backward, which wants the tensors as forward left them.
  template <class Step>
  void kept_apart(const Step& step) {
    const std::vector<at::Tensor> before = copies(of_network_);
    copy(waiting_, of_network_);
    step();
    copy(of_network_, waiting_);
    copy(before, of_network_);
  }
  const std::vector<at::Tensor>& waiting() const { return waiting_; }
  void take_over() { copy(waiting_, of_network_); }

 private:
  static std::vector<at::Tensor> copies(const std::vector<at::Tensor>& tensors) {
    std::vector<at::Tensor> copies;
    for (const at::Tensor& tensor : tensors) copies.push_back(tensor.clone());
    return copies;
  }
  static void copy(const std::vector<at::Tensor>& from, const std::vector<at::Tensor>& to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
  }
  std::vector<at::Tensor> of_network_, waiting_;
};

}  // namespace

class SegTrainer::Run {
 public:
  Run(SegNetwork& network, const SegTraining& options, std::int64_t steps)
      : network_(network),
        options_(options),
        steps_(steps),
        share_(options.accumulate),
        statistics_(network, share_.together()),
        on_loan_(network.specs(), network.state()),
        optimizer_(on_loan_.parameters(),
                   {.weight_decay = options.rates.weight_decay, .decoupled = !options.rates.l2}) {
    if (options.average > 0) average_ = copied(network.state());
  }

  double step(const SegInput& batch, const at::Tensor& label) {
    const at::AutoGradMode with_gradients(true);
    const std::int64_t sample = share_.sample(done_);
    rate_ = learning_rate_at(options_.rates, sample, steps_);
    if (share_.begins_update(done_)) {
      optimizer_.zero_grad();
      statistics_.begin();
    }
    // Dropout draws from this generator: seeded for every step, a resumed run drops the same channels.
    at::manual_seed(options_.rates.seed + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(sample + 1));
    double value = 0;
    statistics_.kept_apart([&] {
      const at::Tensor loss = segmentation_loss(network_.forward(batch, true), label, options_.loss);
      value = loss.item<double>();
      require(std::isfinite(value), "the loss is no longer a finite number",
              "Lower the learning rate and check the images for NaN.");
      const std::int64_t batches = share_.samples_per_update();
      (batches == 1 ? loss : loss / static_cast<double>(batches)).backward();
    });
    share_.add_loss(value);
    if (share_.ends_update(done_)) update();
    ++done_;
    return value;
  }

  double learning_rate() const { return rate_; }
  const StateDict& kept() const { return options_.average > 0 ? average_ : network_.state(); }

  StateDict saved() const {
    StateDict saved = optimizer_.saved();
    saved[kBatches] = at::scalar_tensor(share_.saved(done_), at::kLong);
    for (const auto& [name, tensor] : average_) saved[kAverage + name] = tensor.clone();
    return saved;
  }
  void restore(const StateDict& saved) {
    optimizer_.restore(saved);
    const auto found = saved.find(kBatches);
    require(found != saved.end(), "its state does not say how many batches were seen", "Start the training again.");
    done_ = found->second.item<std::int64_t>();
    rate_ = learning_rate_at(options_.rates, share_.last_sample(std::max<std::int64_t>(done_ - 1, 0)), steps_);
    for (auto& [name, tensor] : average_) {
      const auto kept = saved.find(kAverage + name);
      require(kept != saved.end() && kept->second.sizes() == tensor.sizes(), "its state lacks the averaged weights",
              "Start the training again.");
      tensor.copy_(kept->second);
    }
  }

 private:
  void update() {
    share_.average(statistics_.waiting());
    share_.sum_gradients(on_loan_.parameters());
    statistics_.take_over();
    rate_ = learning_rate_at(options_.rates, share_.last_sample(done_), steps_);
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
    const auto updates = static_cast<double>((done_ + 1) / options_.accumulate);
    const double decay = std::min(options_.average, (1 + updates) / (10 + updates));
    for (auto& [name, tensor] : average_) tensor.lerp_(network_.state().at(name).detach(), 1 - decay);
  }

  SegNetwork& network_;
  SegTraining options_;
  std::int64_t steps_, done_ = 0;
  double rate_ = 0;
  Share share_;
  Statistics statistics_;
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
