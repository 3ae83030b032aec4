// Small trainers: enough to make the demo weights and to train on one machine. The data come through callbacks, so that
// this layer never sees a file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fovea/models/mil.h>

namespace fovea::models {

/// What training does beyond one bag a step (mil.md 2 to 5): data, for any attention model. All off by default.
struct MilRecipe {
  attention::StkimOptions stkim = {0, 0};
  MilLossOptions loss = {};
  bool anneal_aem = false;             ///< the entropy weight falls to 0 on a cosine
  double subsample = 1;                ///< share of the instances that a step sees: floor(share N), at least 1
  double drop_instances = 0;           ///< share that a step leaves out besides
  std::optional<double> dropout = {};  ///< absent: the official share of the network
  std::int64_t accumulate = 1;         ///< bags an update; the learning rate is multiplied by it
};

struct TrainOptions {
  std::int64_t epochs = 50;
  double learning_rate = 1e-4, weight_decay = 1e-5;
  std::int64_t batch = 1;
  MilRecipe mil = {};                                                                  ///< MIL only
  enum class Schedule { kCosine, kOneCycle, kConstant } schedule = Schedule::kCosine;  ///< per iteration (mil.md 5)
  double warm_up = 0;      ///< share of the steps in which the rate climbs to its peak; cosine and constant
  double lowest_rate = 0;  ///< where the half-cosine ends
  bool l2 = false;         ///< Adam with the decay in the gradient, as CLAM trains, instead of AdamW
  std::uint64_t seed = 0;
};

/// An order of samples for an epoch. Not std::shuffle, which may differ between standard libraries: a seed must mean
/// the same run everywhere.
std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

struct EpochReport {
  std::int64_t epoch = 0;
  double loss = 0, learning_rate = 0, seconds = 0;
};
/// Return false to stop early.
using EpochSink = std::function<bool(const EpochReport&)>;

/// One model, one optimiser, one bag at a time: the loop is the caller's. The model's tensors are on loan until the
/// trainer goes.
class MilTrainer {
 public:
  /// `steps`: length of the schedule, in bags. Error(kUsage) for options without sense.
  MilTrainer(MilModel& model, const TrainOptions& options, std::int64_t steps);
  ~MilTrainer();
  MilTrainer(const MilTrainer&) = delete;
  MilTrainer& operator=(const MilTrainer&) = delete;
  /// `label` as MilModel::loss takes it. `masked`: replays a masking instead of drawing one. Error(kUsage) when the
  /// loss is not finite.
  /// `coords`: places of the instances, for the models that look at them.
  MilLoss step(const at::Tensor& bag, const at::Tensor& label, const std::optional<at::Tensor>& masked = {},
               const at::Tensor& coords = {});
  double learning_rate() const;         ///< of the last step
  const at::Tensor& attention() const;  ///< of the last step, like MilOutput::attn_softmax; detached
  /// What the next step depends on besides the weights, in the middle of an accumulation too. Copies.
  StateDict saved() const;
  void restore(const StateDict& saved);

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

/// AdamW, one bag a step, shuffled. `bag(i)` gives features [N, D] and the label. Trains model.state() in place.
void train_mil(MilModel& model, std::int64_t bags,
               const std::function<std::pair<at::Tensor, std::int64_t>(std::int64_t)>& bag, const TrainOptions& options,
               const EpochSink& sink);

}  // namespace fovea::models
