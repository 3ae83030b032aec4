// Where `slide train` gets its bags: feature bags on disk, or bags composed from labelled tiles.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/encoder.h>

#include "slide/train_options.h"

namespace fovea::pipeline::slide {

struct LabelledBag {
  at::Tensor rows;  ///< [N, D] float32
  std::int64_t label = 0;
  std::vector<bool> evidence;  ///< N: the instance shows what the label says; empty = unknown
};

/// Bags by index; only one is in memory at a time when they come from disk.
struct BagSet {
  std::int64_t count = 0;
  std::function<LabelledBag(std::int64_t)> bag;
};

struct TrainingBags {
  BagSet train, validation;
  std::int64_t features = 0;        ///< D
  std::vector<std::string> labels;  ///< class names
  std::string encoder;              ///< name; empty = unknown
  std::optional<double> mpp;        ///< of the encoded tiles
  std::optional<std::int64_t> tile_px;
  std::vector<std::string> card;  ///< sentences: what the data are and how they were split
};

/// progress(0..1), throws Error(kCancelled) by itself.
using TrainingProgress = std::function<void(double)>;

/// From --bags and --labels-csv.
TrainingBags bags_on_disk(const TrainOptions& options);
/// From --tiles.
TrainingBags bags_from_tiles(const TrainOptions& options, const models::TileEncoder& encoder,
                             const TrainingProgress& progress);

}  // namespace fovea::pipeline::slide
