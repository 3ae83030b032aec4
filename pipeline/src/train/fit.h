// The training engine: epochs, validation, which epoch is kept, early stopping, checkpoints and resuming. What is
// trained comes as a Trainee (trainee.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "train/checkpoint.h"
#include "train/process_group.h"
#include "train/trainee.h"

namespace fovea::pipeline::train {

struct FitOptions {
  std::int64_t epochs = 1;
  std::int64_t patience = 0;       ///< epochs without a larger score after which training ends; 0: never
  std::int64_t patience_from = 0;  ///< it is not counted before this epoch
  bool keep_last = false;          ///< keep the last epoch whatever the scores
  std::filesystem::path checkpoint;
  std::string fingerprint;          ///< of recipe and data
  double checkpoint_seconds = 300;  ///< in epochs longer than this, a checkpoint as often
  ProcessGroup* group = nullptr;    ///< the processes that train together; rank 0 writes, validates and is heard
  std::int64_t accumulate = 1;      ///< steps of an update: among several processes a state is that of an update
};

struct FitEvents {
  std::function<void(const std::vector<EpochRow>&)> epoch_done;  ///< the history so far
  std::function<void(double)> advanced;                          ///< 0..1 of all epochs; may throw Error(kCancelled)
  std::function<void(const std::string&)> notice;
};

/// Trains, or goes on where `options.checkpoint` stands. A stop request writes a checkpoint and ends as
/// Error(kCancelled); so does whatever else ends it early lose nothing but the steps since the last checkpoint. Returns
/// the last checkpoint: weights of the last epoch and of the best (empty: no epoch had a score). Error(kUsage) when the
/// checkpoint is of another run. Among several processes the end of one is PeerLost in the others, and rank 0 leaves a
/// checkpoint of the last update; all have to see the checkpoint's folder.
Checkpoint fit(Trainee& trainee, const FitOptions& options, const FitEvents& events, const std::stop_token& stop);

}  // namespace fovea::pipeline::train
