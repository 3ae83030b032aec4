// Training of segmentation networks: one network, one optimiser, one batch at a time; the loop is the caller's.
// reference/segmentation.md 6, thrombus.md 4.
#pragma once

#include <cstdint>
#include <memory>

#include <fovea/models/recurrent_segmentation.h>
#include <fovea/models/segmentation.h>
#include <fovea/models/train.h>

namespace fovea::models {

struct SegLoss {
  double dice = 1;           ///< weight of the foreground Dice loss
  double cross_entropy = 0;  ///< over all classes, background too
  double tversky = 0;        ///< of the focal Tversky loss, mean over the foreground classes
  bool thrombus = false;     ///< thrombus_loss instead of all others: the recurrent network
  bool halved = false;       ///< head l weighs 2^-l instead of 1
  bool largest = false;      ///< the target of a coarse voxel is its largest label, so that a target of one voxel
                             ///< survives; else its first (the authors' generator)
};

/// Sum over the heads. `label` int64 [B, spatial...] on the grid of head 0. Error(kShape) when it does not fit.
at::Tensor segmentation_loss(const SegOutput& output, const at::Tensor& label, const SegLoss& options);

struct SegTraining {
  TrainOptions rates;  ///< learning rate, decay, schedule and seed; epochs, batch and mil are not looked at
  SegLoss loss;
  std::int64_t accumulate = 1;  ///< batches an update; their gradients are averaged
  double clip = 0;              ///< largest norm of all gradients together; 0: none
  double average = 0;           ///< decay of a moving average of the weights, kept beside them; 0: none
};

/// The network's tensors are on loan until the trainer goes.
class SegTrainer {
 public:
  /// `steps`: length of the schedule, in batches. Error(kUsage) for options without sense.
  SegTrainer(SegNetwork& network, const SegTraining& options, std::int64_t steps);
  ~SegTrainer();
  SegTrainer(const SegTrainer&) = delete;
  SegTrainer& operator=(const SegTrainer&) = delete;

  /// The loss. Error(kUsage) when it is not finite.
  double step(const SegInput& batch, const at::Tensor& label);
  double learning_rate() const;  ///< of the last step
  /// The moving average where there is one, else the network's own tensors.
  const StateDict& kept() const;
  /// What the next step depends on besides the weights, in the middle of an accumulation too. Copies.
  StateDict saved() const;
  void restore(const StateDict& saved);

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace fovea::models
