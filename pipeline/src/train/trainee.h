// What the training engine asks of the thing that is trained: MIL heads on bags, segmentation networks on images.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <fovea/models/state.h>

namespace fovea::pipeline::train {

/// What a pass over the validation part gave.
struct Figures {
  std::optional<double> score;           ///< larger is better; decides which epoch is kept. Nothing: the last is
  std::map<std::string, double> values;  ///< by the names of history.csv's columns
};

/// Everything random in it follows from its seed and the step, never from what happened before: that is what makes a
/// resumed run equal to an uninterrupted one.
class Trainee {
 public:
  virtual ~Trainee() = default;
  virtual std::int64_t steps_per_epoch() const = 0;
  virtual void begin_epoch(std::int64_t epoch, std::int64_t first_step) = 0;
  /// One step of the epoch; its loss, or nothing when its sample had to be left out.
  virtual std::optional<double> step(std::int64_t index) = 0;
  /// After the last step of an epoch.
  virtual Figures validate() = 0;
  virtual double learning_rate() const = 0;  ///< of the last step
  virtual const models::StateDict& weights() const = 0;
  /// What is validated and kept, where that is another set: a moving average of the weights.
  virtual const models::StateDict& kept() const { return weights(); }
  /// What the next step depends on besides the weights. Copies.
  virtual models::StateDict progress() const = 0;
  virtual void restore(const models::StateDict& weights, const models::StateDict& progress) = 0;
};

}  // namespace fovea::pipeline::train
