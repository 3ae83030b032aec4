#include "slide/tile_stream.h"

#include <algorithm>
#include <exception>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include "progress.h"
#include "slide/lane.h"
#include "slide/tile_reader.h"

namespace fovea::pipeline::slide {
namespace {

struct Range {
  std::int64_t begin = 0, end = 0;
};

class Reader {
 public:
  Reader(const io::Slide& slide, const ReadPlan& plan, std::span<const std::int64_t> coords, std::int64_t edge,
         const StreamOptions& options)
      : tiles_(slide, plan, edge), coords_(coords), options_(options) {}

  TileBatchPtr read(Range range) const {
    auto batch = std::make_shared<TileBatch>();
    batch->first = range.begin;
    try {
      const std::int64_t count = range.end - range.begin;
      batch->tiles = at::empty({count, tiles_.edge(), tiles_.edge(), 3},
                               at::TensorOptions(at::kByte).pinned_memory(options_.pinned));
      auto* out = batch->tiles.mutable_data_ptr<std::uint8_t>();
      const std::size_t tile_bytes = static_cast<std::size_t>(3 * tiles_.edge() * tiles_.edge());
      for (std::int64_t i = 0; i < count; ++i) {
        throw_if_stopped(options_.stop);
        const std::span<std::uint8_t> pixels(out + static_cast<std::size_t>(i) * tile_bytes, tile_bytes);
        if (!read_tile(range.begin + i, pixels)) batch->unreadable.push_back(i);
      }
    } catch (...) {
      batch->error = std::current_exception();  // thrown in scan order by whoever takes the batches
    }
    return batch;
  }

 private:
  bool read_tile(std::int64_t index, std::span<std::uint8_t> pixels) const {
    const std::int64_t x = coords_[2 * static_cast<std::size_t>(index)],
                       y = coords_[2 * static_cast<std::size_t>(index) + 1];
    if (options_.allow_unreadable) return tiles_.read_or_background(x, y, pixels);
    tiles_.read(x, y, pixels);
    return true;
  }

  const TileReader tiles_;
  std::span<const std::int64_t> coords_;
  const StreamOptions& options_;
};

class Stream final : public FeatureStream {
 public:
  Stream(const io::Slide& slide, const ReadPlan& plan, std::span<const std::int64_t> coords,
         const models::TileEncoder& encoder, const StreamOptions& options)
      : options_(options),
        tiles_(1, [this, &slide, &plan, coords, edge = encoder.info().tile_px](
                      const auto& yield) { read_tiles(slide, plan, coords, edge, options_, yield); }),
        features_(2, [this, &encoder](const auto& yield) { encode_all(encoder, yield); }) {}

  std::optional<FeatureBatch> next() override { return features_.next(); }

 private:
  void encode_all(const models::TileEncoder& encoder, const Lane<FeatureBatch>::Yield& yield) {
    const at::NoGradGuard no_grad;
    while (auto batch = tiles_.next()) {
      if ((*batch)->error) std::rethrow_exception((*batch)->error);
      throw_if_stopped(options_.stop);
      if (!yield({encoder.encode((*batch)->tiles), static_cast<std::int64_t>((*batch)->unreadable.size())})) break;
    }
    tiles_.close();
  }

  const StreamOptions options_;
  Lane<TileBatchPtr> tiles_;
  Lane<FeatureBatch> features_;  // destroyed first: it takes from tiles_
};

}  // namespace

void read_tiles(const io::Slide& slide, const ReadPlan& plan, std::span<const std::int64_t> coords, std::int64_t edge,
                const StreamOptions& options, const std::function<bool(const TileBatchPtr&)>& sink) {
  namespace tbb = oneapi::tbb;
  const Reader reader(slide, plan, coords, edge, options);
  const auto count = static_cast<std::int64_t>(coords.size()) / 2;
  std::int64_t position = 0;
  bool open = true;
  const auto source = [&](tbb::flow_control& control) {
    const Range range{position, std::min(count, position + options.batch)};
    if (!open || range.begin >= count) control.stop();
    position = range.end;
    return range;
  };
  const auto hand_over = [&](const TileBatchPtr& batch) {
    const bool failed = batch->error != nullptr;
    if (open) open = sink(batch) && !failed;
  };
  tbb::task_arena arena(options.threads);
  arena.execute([&] {
    tbb::parallel_pipeline(static_cast<std::size_t>(options.threads) + 1,
                           tbb::make_filter<void, Range>(tbb::filter_mode::serial_in_order, source) &
                               tbb::make_filter<Range, TileBatchPtr>(tbb::filter_mode::parallel,
                                                                     [&](Range range) { return reader.read(range); }) &
                               tbb::make_filter<TileBatchPtr, void>(tbb::filter_mode::serial_in_order, hand_over));
  });
}

std::unique_ptr<FeatureStream> stream_features(const io::Slide& slide, const ReadPlan& plan,
                                               std::span<const std::int64_t> coords, const models::TileEncoder& encoder,
                                               const StreamOptions& options) {
  return std::make_unique<Stream>(slide, plan, coords, encoder, options);
}

}  // namespace fovea::pipeline::slide
