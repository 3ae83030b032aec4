// A prediction that grows with the tiles seen: class probabilities, what the unseen tiles could still take, and how
// likely the leading class is to stay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/mil.h>

namespace fovea::pipeline::slide {

/// After 1, 2, 5, 10, 25, 50 and 100 % of the tiles.
struct LiveCheckpoint {
  std::int64_t seen = 0, of = 0;
  std::vector<float> probabilities;
  std::int64_t leading = 0;  ///< class
  /// For every attention map, the largest share of attention that all unseen tiles together could take:
  /// m e^B / (m e^B + sum over seen e^s), m unseen tiles, B the model's greatest possible score (score_bound.h).
  /// Nothing for a model without such a bound.
  std::optional<std::vector<double>> mass_bound;
  /// Largest change of a probability since the last checkpoint.
  std::optional<double> moved;
  /// Estimated probability that the leading class is the one of all tiles: the seen tiles are dealt into 8 groups, each
  /// is pooled by itself, and the spread of the groups' margins (logit of the leading class less the best other) gives
  /// the margin's standard error, sqrt(variance / 8 (1 - seen / of)); the estimate is the normal distribution's share
  /// above 0. It supposes that what is unseen looks like what was seen, which the visiting order makes likely but
  /// nothing guarantees. Nothing while a group has fewer than 4 tiles; 1 when all was seen.
  std::optional<double> stability;
};

struct LiveReport {
  std::vector<LiveCheckpoint> checkpoints;
  std::optional<double> threshold;  ///< of --stop-when-stable
  bool stopped_early = false;
};

class LivePrediction {
 public:
  /// `threshold`: end as soon as a checkpoint's stability reaches it and the leading class is that of the checkpoint
  /// before. `places`: int64 [tiles, 2] in visiting order for models that look at them, or undefined.
  LivePrediction(const models::MilModel& model, std::int64_t tiles, std::optional<double> threshold,
                 at::Tensor places = {});
  ~LivePrediction();

  /// Called at every checkpoint with the pooled rows so far; attention in visiting order.
  using Listener = std::function<void(const LiveCheckpoint&, const models::MilOutput&)>;

  /// Rows in visiting order, any number at a time. False once it has stopped early: later rows are not counted.
  bool push(const at::Tensor& rows, const Listener& listener);
  /// The result of everything that was seen, which closes the list of checkpoints.
  const LiveReport& finish(const models::MilOutput& result);

  std::int64_t seen() const { return seen_; }

 private:
  class Group;
  LiveCheckpoint checkpoint_of(const models::MilOutput& output) const;
  std::optional<double> stability_of(const models::MilOutput& output, std::int64_t leading) const;
  void add_rows(const at::Tensor& rows);
  bool reached_checkpoint(const Listener& listener);

  std::int64_t of_, seen_ = 0;
  std::vector<std::int64_t> due_;  ///< counts of tiles, ascending
  std::optional<std::vector<double>> bounds_;
  at::Tensor places_;
  std::unique_ptr<models::MilStream> running_;
  std::vector<Group> groups_;
  LiveReport report_;
};

}  // namespace fovea::pipeline::slide
