// From tile positions to instance features, streaming: tiles are read and resized in parallel, handed on in scan order
// and encoded in batches of fixed size, so that no result depends on timing. At most a few batches exist at any time.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

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
  bool pinned = false;  ///< tiles in page-locked memory, from which a GPU copies without waiting
};

struct TileBatch {
  at::Tensor tiles;                      ///< uint8 [n, edge, edge, 3]
  std::int64_t first = 0;                ///< index of its first tile
  std::vector<std::int64_t> unreadable;  ///< tiles of this batch, from 0, that were painted as background
  std::exception_ptr error;              ///< then there are no tiles, and no further batch
};
using TileBatchPtr = std::shared_ptr<TileBatch>;

/// Reads tiles in parallel and hands the batches on in scan order, on the calling thread's arena; `threads` + 1 batches
/// are alive beside the one handed on. Ends early when `sink` returns false.
void read_tiles(const io::Slide& slide, const ReadPlan& plan, std::span<const std::int64_t> coords, std::int64_t edge,
                const StreamOptions& options, const std::function<bool(const TileBatchPtr&)>& sink);

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
