#include "slide/slide_stream.h"

#include <utility>

#include <ATen/core/grad_mode.h>

#include "progress.h"

namespace fovea::pipeline::slide {

SlideStream::SlideStream(Source source, const models::TileEncoder& encoder, const StreamOptions& options)
    : options_(options),
      slides_(kSlidesAhead, [this, source = std::move(source)](const auto& yield) { prepare_all(source, yield); }),
      tiles_(kBatchesAhead, [this, edge = encoder.info().tile_px](const auto& yield) { read_all(edge, yield); }),
      rows_(kRowsAhead, [this, &encoder](const auto& yield) { encode_all(encoder, yield); }) {}

void SlideStream::prepare_all(const Source& source, const Lane<SlideWorkPtr>::Yield& yield) {
  while (SlideWorkPtr work = source()) {
    throw_if_stopped(options_.stop);
    if (!yield(std::move(work))) return;
  }
}

void SlideStream::read_all(std::int64_t edge, const Lane<Tiles>::Yield& yield) {
  bool open = true;
  while (open) {
    auto work = slides_.next();
    if (!work) break;
    if ((*work)->slide)
      read_tiles(*(*work)->slide, (*work)->plan, (*work)->coords, edge, options_, [&](const TileBatchPtr& batch) {
        if ((*work)->abandoned) return false;
        return open = yield({*work, batch});
      });
    (*work)->slide.reset();  // its decoder's memory is not kept until the last row is written
    open = open && yield({*work, nullptr});
  }
  slides_.close();
}

void SlideStream::encode_all(const models::TileEncoder& encoder, const Lane<SlideRows>::Yield& yield) {
  const at::NoGradGuard no_grad;
  std::optional<std::size_t> failed;  // its end has been told
  bool open = true;
  while (open) {
    auto tiles = tiles_.next();
    if (!tiles) break;
    throw_if_stopped(options_.stop);
    if (tiles->work->index == failed) continue;
    SlideRows rows{tiles->work, {}, 0, {}, nullptr, true};
    if (tiles->batch && !tiles->work->abandoned) {
      rows.first = tiles->batch->first, rows.unreadable = std::move(tiles->batch->unreadable);
      rows.error = tiles->batch->error;
      try {
        if (!rows.error) rows.rows = encoder.encode(tiles->batch->tiles);
      } catch (...) {
        rows.error = std::current_exception();
      }
      rows.last = rows.error != nullptr;
      if (rows.error) failed = tiles->work->index, tiles->work->abandoned = true;
    } else if (tiles->batch) {
      continue;
    }
    open = yield(std::move(rows));
  }
  tiles_.close();
}

}  // namespace fovea::pipeline::slide
