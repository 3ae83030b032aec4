// Where a training run stands, in one file: written whole or not at all, at the end of every epoch and on request.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/trainee.h"

namespace fovea::pipeline::train {

struct EpochRow {
  std::int64_t epoch = 0;  ///< from 0
  double train_loss = 0, learning_rate = 0;
  double seconds = 0;  ///< of its steps, without validation
  Figures figures;
};

struct Checkpoint {
  std::string fingerprint;  ///< of recipe and data: a run goes on only with what it began with
  std::int64_t epoch = 0;   ///< the epoch of the next step
  std::int64_t step = 0;    ///< steps of it that were done
  double loss_sum = 0;      ///< of these steps
  std::int64_t losses = 0;  ///< steps of them that had a loss
  double seconds = 0;       ///< spent on them
  bool finished = false;
  std::optional<double> best_score;
  std::int64_t best_epoch = -1;  ///< of `best`
  std::vector<EpochRow> history;
  models::StateDict weights, progress, best;
};

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Error(kCorrupt) when it is none.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace fovea::pipeline::train
