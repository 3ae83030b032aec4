// Many slides through one stream: order, bounds, and that one slide's trouble stays its own.
#include "slide/slide_stream.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "slide_support.h"

namespace fovea::pipeline::slide {
namespace {

using test::MeanEncoder;
using test::PaintedSlide;
using namespace std::chrono_literals;

constexpr std::int64_t kTile = 8;

/// A slide whose pixels tell its number and place.
std::unique_ptr<PaintedSlide> numbered(std::uint8_t number) {
  return std::make_unique<PaintedSlide>(
      256, 256, std::vector<double>{1}, 0.5, [number](std::int64_t x, std::int64_t y) {
        return test::Rgb{number, static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y)};
      });
}
std::vector<std::int64_t> row_of_tiles(std::int64_t count) {
  std::vector<std::int64_t> coords;
  for (std::int64_t i = 0; i < count; ++i) coords.push_back(kTile * (i % 32)), coords.push_back(kTile * (i / 32));
  return coords;
}
SlideWorkPtr work_of(std::size_t index, std::unique_ptr<PaintedSlide> slide, std::int64_t tiles) {
  auto work = std::make_shared<SlideWork>();
  work->index = index, work->plan = plan_reads(slide->info().levels, 0.5, {0.5, kTile, 0, false}, "slide");
  work->coords = row_of_tiles(tiles), work->slide = std::move(slide);
  return work;
}

struct Received {
  at::Tensor rows;
  std::int64_t unreadable = 0;
  bool failed = false, last = false;
};
std::map<std::size_t, Received> all_of(SlideStream& stream) {
  std::map<std::size_t, Received> slides;
  std::vector<at::Tensor> parts;
  while (auto rows = stream.next()) {
    Received& slide = slides[rows->work->index];
    EXPECT_FALSE(slide.last) << "something after the end of slide " << rows->work->index;
    if (rows->rows.defined()) slide.rows = slide.rows.defined() ? at::cat({slide.rows, rows->rows}) : rows->rows;
    slide.unreadable += static_cast<std::int64_t>(rows->unreadable.size());
    slide.failed |= rows->error != nullptr, slide.last = rows->last;
  }
  return slides;
}

TEST(SlideStream, EverySlideComesWholeInOrderAndAsIfItWereAlone) {
  const MeanEncoder encoder(kTile);
  const std::vector<std::int64_t> tiles{50, 1, 0, 33, 16};
  const auto stream_of = [&](std::size_t from, std::size_t to) {
    return std::make_unique<SlideStream>(
        [&, next = from, to]() mutable {
          if (next == to) return SlideWorkPtr();
          const std::size_t index = next++;
          return work_of(index, numbered(static_cast<std::uint8_t>(index)), tiles[index]);
        },
        encoder, StreamOptions{16, 2});
  };
  const auto together = all_of(*stream_of(0, tiles.size()));
  ASSERT_EQ(together.size(), tiles.size());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    EXPECT_TRUE(together.at(i).last);
    if (tiles[i] == 0) {
      EXPECT_FALSE(together.at(i).rows.defined());
      continue;
    }
    ASSERT_EQ(together.at(i).rows.size(0), tiles[i]);
    EXPECT_EQ(together.at(i).rows[0][0].item<float>(), static_cast<float>(i));
    EXPECT_TRUE(at::equal(together.at(i).rows, all_of(*stream_of(i, i + 1)).at(i).rows));
  }
}

TEST(SlideStream, NoStageRunsFurtherAheadThanItsBound) {
  MeanEncoder encoder(kTile);
  std::atomic<int> prepared = 0;
  std::atomic<std::int64_t> reads = 0;
  SlideStream stream(
      [&]() -> SlideWorkPtr {
        if (prepared == 20) return nullptr;
        auto slide = numbered(0);
        slide->on_read = [&](auto, auto) { ++reads; };
        return work_of(static_cast<std::size_t>(prepared++), std::move(slide), 64);
      },
      encoder, {4, 2});
  ASSERT_TRUE(stream.next());
  std::this_thread::sleep_for(300ms);
  // Batches of 4: one taken, kRowsAhead encoded and waiting, one being handed over, kBatchesAhead decoded, one being
  // handed over, three in the reading graph.
  EXPECT_LE(reads, 4 * static_cast<std::int64_t>(1 + SlideStream::kRowsAhead + 1 + SlideStream::kBatchesAhead + 1 + 3));
  // All of that is the first slide's: one is read, kSlidesAhead waits, one is being handed over.
  EXPECT_LE(prepared, static_cast<int>(1 + SlideStream::kSlidesAhead + 1));
}

TEST(SlideStream, TheNextSlideIsPreparedAndDecodedWhileTheEncoderIsBusy) {
  MeanEncoder encoder(kTile);
  encoder.delay = 100ms;
  std::atomic<int> encoded_when_second_was_read = -1;
  std::size_t index = 0;
  SlideStream stream(
      [&]() -> SlideWorkPtr {
        if (index == 2) return nullptr;
        auto slide = numbered(0);
        if (index == 1)
          slide->on_read = [&](auto, auto) {
            int none = -1;
            encoded_when_second_was_read.compare_exchange_strong(none, encoder.calls);
          };
        return work_of(index++, std::move(slide), 12);
      },
      encoder, {4, 2});
  all_of(stream);
  EXPECT_LT(encoded_when_second_was_read, 3) << "the second slide waited until all three batches of the first were in";
}

TEST(SlideStream, DecodingIsNotHeldUpByASlowConsumerWithinTheBound) {
  MeanEncoder encoder(kTile);
  std::size_t index = 0;
  SlideStream stream([&]() -> SlideWorkPtr { return index == 1 ? nullptr : work_of(index++, numbered(0), 64); },
                     encoder, {4, 2});
  ASSERT_TRUE(stream.next());
  for (int tries = 0; encoder.calls < 1 + static_cast<int>(SlideStream::kRowsAhead) && tries < 200; ++tries)
    std::this_thread::sleep_for(10ms);  // nobody takes any more rows, and yet:
  EXPECT_GE(encoder.calls, 1 + static_cast<int>(SlideStream::kRowsAhead));
}

TEST(SlideStream, UnreadableTilesAreNamed) {
  const MeanEncoder encoder(kTile);
  std::size_t index = 0;
  SlideStream stream(
      [&]() -> SlideWorkPtr {
        if (index == 1) return nullptr;
        auto slide = numbered(0);
        slide->on_read = [](std::int64_t x, std::int64_t y) {
          if (x == 5 * kTile && y == 0) throw Error(ErrorCode::kCorrupt, "slide", "bad", "none");
        };
        return work_of(index++, std::move(slide), 10);
      },
      encoder, {4, 2, true});
  std::vector<std::int64_t> bad;
  while (auto rows = stream.next())
    for (const std::int64_t i : rows->unreadable) bad.push_back(rows->first + i);
  EXPECT_THAT(bad, testing::ElementsAre(5));
}

TEST(SlideStream, ASlideThatFailsEndsAloneAndTheNextIsWhole) {
  const MeanEncoder encoder(kTile);
  std::size_t index = 0;
  SlideStream stream(
      [&]() -> SlideWorkPtr {
        if (index == 3) return nullptr;
        auto slide = numbered(static_cast<std::uint8_t>(index));
        if (index == 1)
          slide->on_read = [](std::int64_t, std::int64_t y) {
            if (y >= kTile) throw Error(ErrorCode::kOutOfMemory, "slide", "no memory", "none");
          };
        return work_of(index++, std::move(slide), 64);
      },
      encoder, {4, 2, true});
  const auto slides = all_of(stream);
  EXPECT_TRUE(slides.at(1).failed);
  EXPECT_TRUE(slides.at(1).last);
  EXPECT_EQ(slides.at(1).rows.size(0), 32);
  for (const std::size_t good : {0, 2}) {
    EXPECT_FALSE(slides.at(good).failed);
    EXPECT_EQ(slides.at(good).rows.size(0), 64);
  }
}

TEST(SlideStream, TheRestOfAnAbandonedSlideIsNotRead) {
  const MeanEncoder encoder(kTile);
  std::atomic<std::int64_t> reads = 0;
  std::size_t index = 0;
  SlideStream stream(
      [&]() -> SlideWorkPtr {
        if (index == 2) return nullptr;
        auto slide = numbered(0);
        if (index == 0) slide->on_read = [&](auto, auto) { ++reads; };
        return work_of(index++, std::move(slide), 1000);
      },
      encoder, {4, 2});
  auto first = stream.next();
  ASSERT_TRUE(first);
  first->work->abandoned = true;
  first.reset();
  const auto slides = all_of(stream);
  EXPECT_LT(reads, 200);
  EXPECT_EQ(slides.at(1).rows.size(0), 1000);
}

TEST(SlideStream, AStopComesOutAsCancelledAndDroppingItInTheMiddleIsHarmless) {
  const MeanEncoder encoder(kTile);
  for (int taken = 0; taken < 4; ++taken) {
    std::stop_source source;
    SlideStream stream([&]() -> SlideWorkPtr { return work_of(0, numbered(0), 1000); }, encoder,
                       {4, 2, false, source.get_token()});
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(stream.next());
    if (taken % 2 == 0) continue;
    source.request_stop();
    try {
      while (stream.next()) {
      }
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    }
  }
}

}  // namespace
}  // namespace fovea::pipeline::slide
