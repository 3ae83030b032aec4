// Features of many slides as one stream: while the last tiles of one slide are encoded, the next is opened, its tissue
// found and its first tiles decoded. Each stage runs on a thread of its own and hands on over a bounded queue, so no
// stage runs further ahead than its bound and none waits while it has work within it.
//
// A batch never spans two slides: on a GPU an encoder's rows need not keep their last bits when the batch changes, and
// a slide's features must be those of the slide alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <fovea/io/file_lock.h>
#include <fovea/io/slide.h>
#include <fovea/models/encoder.h>

#include "slide/lane.h"
#include "slide/read_plan.h"
#include "slide/tile_stream.h"

namespace fovea::pipeline::slide {

/// A slide on its way through the stages.
struct SlideWork {
  std::size_t index = 0;             ///< in the list of the run
  std::unique_ptr<io::Slide> slide;  ///< empty: nothing to read (an error, or no tissue)
  io::SlideInfo info;                ///< stays when the slide is closed
  ReadPlan plan;
  std::vector<std::int64_t> coords;     ///< 2N level-0 corners
  std::string tissue;                   ///< how the tiles were found, in words
  std::optional<io::FileLock> lock;     ///< held until the slide is through
  std::exception_ptr error;             ///< why there is nothing to read
  std::atomic<bool> abandoned = false;  ///< set by the consumer: the rest of this slide is not wanted
};
using SlideWorkPtr = std::shared_ptr<SlideWork>;

struct SlideRows {
  SlideWorkPtr work;
  at::Tensor rows;                       ///< [n, D] float32 in scan order; undefined when nothing came
  std::int64_t first = 0;                ///< index of the first tile
  std::vector<std::int64_t> unreadable;  ///< rows, from 0, whose tile could not be read: they mean nothing
  std::exception_ptr error;              ///< reading or encoding failed; then `last` is set
  bool last = false;                     ///< the slide is through
};

class SlideStream {
 public:
  /// The next slide, ready to be read; nothing after the last. Called on the first stage's thread.
  using Source = std::function<SlideWorkPtr()>;

  /// `encoder` is borrowed. A stop request comes out of next() as Error(kCancelled).
  SlideStream(Source source, const models::TileEncoder& encoder, const StreamOptions& options);
  /// Slides in the order of the source, the batches of each in scan order; at least one item a slide.
  std::optional<SlideRows> next() { return rows_.next(); }

  static constexpr std::size_t kSlidesAhead = 1;   ///< prepared and waiting, beside the one read and the one prepared
  static constexpr std::size_t kBatchesAhead = 2;  ///< decoded and waiting
  static constexpr std::size_t kRowsAhead = 2;     ///< encoded and waiting

 private:
  struct Tiles {
    SlideWorkPtr work;
    TileBatchPtr batch;  // empty: the slide is through
  };
  void prepare_all(const Source& source, const Lane<SlideWorkPtr>::Yield& yield);
  void read_all(std::int64_t edge, const Lane<Tiles>::Yield& yield);
  void encode_all(const models::TileEncoder& encoder, const Lane<SlideRows>::Yield& yield);

  const StreamOptions options_;
  Lane<SlideWorkPtr> slides_;
  Lane<Tiles> tiles_;
  Lane<SlideRows> rows_;  // destroyed first: each takes from the one above
};

}  // namespace fovea::pipeline::slide
