// What a live run shows while it goes on, and the ordinary result at its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <ATen/core/Tensor.h>

#include <fovea/models/mil.h>

#include "progress.h"
#include "mil/bag_store.h"
#include "slide/live.h"
#include "slide/prediction.h"

namespace fovea::pipeline::slide {

/// Draws heatmap_live.png into the output folder at every checkpoint, and removes it when the run ends, however it
/// ends: the result's own heatmap takes its place, and a cancelled run leaves nothing.
class LiveView {
 public:
  struct Network {
    const models::MilModel& model;
    const mil::Standardisation& change;  ///< of the rows, before the model
  };
  /// Everything is borrowed. `prediction` knows where the tiles lie.
  LiveView(const PredictOptions& options, const Network& network, Prediction& prediction, std::int64_t tiles,
           ProgressMeter& meter);
  ~LiveView();
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  /// The tiles' numbers in the order in which they are to be pushed.
  const std::vector<std::int64_t>& order() const { return order_; }
  /// False when it may end early.
  bool push(const at::Tensor& rows);
  /// All of it for rows [N, D] that are there already.
  void run(const at::Tensor& rows, std::int64_t piece);
  /// Pools `rows` [N, D] of the tiles that were seen, in scan order and `piece` rows at a time as a run without --live
  /// does, into `prediction`, which then holds these tiles alone.
  void pool(const at::Tensor& rows, std::int64_t piece);

 private:
  void show(const LiveCheckpoint& checkpoint, const models::MilOutput& running);

  const PredictOptions& options_;
  const Network network_;
  Prediction& prediction_;
  ProgressMeter& meter_;
  std::vector<std::int64_t> order_;
  LivePrediction live_;
  Prediction partial_;  ///< what is drawn on the way
};

nlohmann::ordered_json live_json(const LiveReport& report, const std::vector<std::string>& labels);
/// "after 5 % (120 of 2400 tiles): tumour 0.83, ..."
std::string live_text(const LiveCheckpoint& checkpoint, const std::vector<std::string>& labels);
/// "stopped early after ...", empty for a run that saw everything.
std::string early_stop_text(const LiveReport& report);

}  // namespace fovea::pipeline::slide
