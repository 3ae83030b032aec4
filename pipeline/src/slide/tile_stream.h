// From tile positions to instance features, streaming: tiles are read and resized in parallel, handed on in scan order
// and encoded in batches of fixed size, so that no result depends on timing. At most a few batches exist at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include <ATen/core/Tensor.h>

#include <fovea/io/slide.h>
#include <fovea/models/encoder.h>

#include "slide/read_plan.h"

namespace fovea::pipeline::slide {

struct StreamOptions {
  std::int64_t batch = 16;        ///< tiles per encoder call
  int threads = 2;                ///< tiles read at the same time
  bool allow_unreadable = false;  ///< paint unreadable tiles with the background colour and count them
  std::stop_token stop;
};

struct FeatureBatch {
  at::Tensor rows;              ///< [n, D] float32, in scan order
  std::int64_t unreadable = 0;  ///< tiles of this batch that were painted as background
};

/// Pull features batch by batch. Errors of reading and encoding come out of next(), the first in scan order.
class FeatureStream {
 public:
  virtual ~FeatureStream() = default;
  virtual std::optional<FeatureBatch> next() = 0;
};

/// Everything is borrowed and must outlive the stream. `coords`: 2N level-0 corners.
std::unique_ptr<FeatureStream> stream_features(const io::Slide& slide, const ReadPlan& plan,
                                               std::span<const std::int64_t> coords, const models::TileEncoder& encoder,
                                               const StreamOptions& options);

}  // namespace fovea::pipeline::slide
