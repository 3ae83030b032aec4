#include "slide/tile_stream.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/models/mil.h>

#include "slide/attention_values.h"
#include "slide/bag_pooler.h"
#include "slide/lane.h"
#include "evaluation/metrics.h"
#include "slide_support.h"

namespace fovea::pipeline::slide {
namespace {

using test::MeanEncoder;
using test::PaintedSlide;

PaintedSlide::Paint gradient() {
  return [](std::int64_t x, std::int64_t y) {
    return test::Rgb{static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y),
                     static_cast<std::uint8_t>((x + y) / 2)};
  };
}
std::vector<std::int64_t> grid_of(std::int64_t columns, std::int64_t rows, std::int64_t step) {
  std::vector<std::int64_t> coords;
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < columns; ++x) coords.push_back(x * step), coords.push_back(y * step);
  return coords;
}
ReadPlan plan_of(const PaintedSlide& slide, std::int64_t tile) {
  return plan_reads(slide.info().levels, 0.5, {0.5, tile, 0, false}, "slide");
}

at::Tensor all_features(FeatureStream& stream) {
  std::vector<at::Tensor> rows;
  while (auto batch = stream.next()) rows.push_back(batch->rows);
  return at::cat(rows);
}

TEST(FeatureStream, KeepsScanOrderWhateverTheTiming) {
  PaintedSlide slide(256, 256, {1}, 0.5, gradient());
  // The first tiles are the slowest.
  slide.on_read = [](std::int64_t x, std::int64_t y) {
    std::this_thread::sleep_for(std::chrono::microseconds(2000 / (1 + x + y)));
  };
  const auto coords = grid_of(32, 32, 8);
  const MeanEncoder encoder(8);
  at::Tensor first;
  for (const int threads : {1, 2, 4}) {
    const ReadPlan plan = plan_of(slide, 8);
    const auto stream = stream_features(slide, plan, coords, encoder, {7, threads});
    const at::Tensor features = all_features(*stream);
    ASSERT_EQ(features.size(0), 1024);
    for (std::int64_t i = 0; i < 1024; ++i) {
      ASSERT_EQ(features[i][3].item<float>(), static_cast<float>(coords[2 * i]));
      ASSERT_EQ(features[i][4].item<float>(), static_cast<float>(coords[2 * i + 1]));
    }
    if (first.defined()) {
      EXPECT_TRUE(at::equal(first, features));
    }
    first = features;
  }
}

TEST(FeatureStream, ReadsNoFurtherAheadThanItsBound) {
  PaintedSlide slide(2048, 2048, {1}, 0.5, gradient());
  const auto coords = grid_of(128, 128, 16);
  const MeanEncoder encoder(16);
  const ReadPlan plan = plan_of(slide, 16);
  const auto stream = stream_features(slide, plan, coords, encoder, {4, 2});
  ASSERT_TRUE(stream->next());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // Batches of 4: one taken, two encoded, one being encoded, one waiting, three in the reading graph; and one to spare.
  EXPECT_LE(slide.reads, 4 * 9);
}

TEST(FeatureStream, TheFirstBadTileInScanOrderIsTheOneReported) {
  PaintedSlide slide(256, 256, {1}, 0.5, gradient());
  slide.on_read = [](std::int64_t x, std::int64_t y) {
    if (y == 8 && x >= 40) {
      if (x == 40) std::this_thread::sleep_for(std::chrono::milliseconds(30));
      throw Error(ErrorCode::kCorrupt, "slide", "no tile at " + std::to_string(x), "Get another copy.");
    }
  };
  const auto coords = grid_of(32, 32, 8);
  const MeanEncoder encoder(8);
  const ReadPlan plan = plan_of(slide, 8);
  const auto stream = stream_features(slide, plan, coords, encoder, {1, 4});
  std::int64_t rows = 0;
  try {
    while (auto batch = stream->next()) rows += batch->rows.size(0);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("no tile at 40"));
  }
  EXPECT_EQ(rows, 37);
}

TEST(FeatureStream, UnreadableTilesBecomeBackgroundWhenAllowed) {
  PaintedSlide slide(64, 64, {1}, 0.5, gradient());
  slide.on_read = [](std::int64_t x, std::int64_t y) {
    if (x == 16 && y == 16) throw Error(ErrorCode::kCorrupt, "slide", "bad", "none");
  };
  slide.info().background = {10, 20, 30};
  const auto coords = grid_of(8, 8, 8);
  const MeanEncoder encoder(8);
  const ReadPlan plan = plan_of(slide, 8);
  const auto stream = stream_features(slide, plan, coords, encoder, {16, 2, true});
  std::int64_t unreadable = 0;
  std::vector<at::Tensor> rows;
  while (auto batch = stream->next()) unreadable += batch->unreadable, rows.push_back(batch->rows);
  EXPECT_EQ(unreadable, 1);
  const at::Tensor bad = at::cat(rows)[2 * 8 + 2];
  EXPECT_EQ(bad[0].item<float>(), 10);
  EXPECT_EQ(bad[2].item<float>(), 30);
}

TEST(FeatureStream, StopsWithinABatchWhenAsked) {
  PaintedSlide slide(2048, 2048, {1}, 0.5, gradient());
  MeanEncoder encoder(16);
  encoder.delay = std::chrono::milliseconds(20);
  const auto coords = grid_of(128, 128, 16);
  const ReadPlan plan = plan_of(slide, 16);
  std::stop_source source;
  const auto stream = stream_features(slide, plan, coords, encoder, {4, 2, false, source.get_token()});
  ASSERT_TRUE(stream->next());
  source.request_stop();
  const int before = encoder.calls;
  EXPECT_THROW(while (stream->next()){}, Error);
  EXPECT_LE(encoder.calls, before + 1);
}

TEST(FeatureStream, CanBeDroppedInTheMiddle) {
  PaintedSlide slide(2048, 2048, {1}, 0.5, gradient());
  const MeanEncoder encoder(16);
  const auto coords = grid_of(128, 128, 16);
  const ReadPlan plan = plan_of(slide, 16);
  for (int i = 0; i < 20; ++i) {
    const auto stream = stream_features(slide, plan, coords, encoder, {4, 2});
    for (int k = 0; k < i % 3; ++k) ASSERT_TRUE(stream->next());
  }
}

TEST(Lane, HandsOverInOrderAndPassesTheErrorOnAfterTheItems) {
  Lane<int> lane(2, [](const Lane<int>::Yield& yield) {
    for (int i = 0; i < 5; ++i) yield(i);
    throw Error(ErrorCode::kInternal, "", "end");
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(lane.next(), i);
  EXPECT_THROW(lane.next(), Error);
}

// --- pooling ---

std::unique_ptr<models::MilModel> random_model(const char* architecture, std::int64_t features) {
  const models::MilRow& row = models::mil_model(architecture);
  const models::MilConfig config = row.completed({architecture, features, 16, 8, 3, 2});
  return row.make(config, models::random_state(row.specs(config), 5));
}

class Pooling : public testing::TestWithParam<const char*> {};

TEST_P(Pooling, IsBitIdenticalForAnyChunk) {
  const auto model = random_model(GetParam(), 24);
  const at::Tensor bag = at::rand({2500, 24}) * 4 - 2;
  const auto pooled = [&](std::int64_t chunk, std::int64_t batch) {
    BagPooler pooler(*model, chunk);
    for (std::int64_t begin = 0; begin < bag.size(0); begin += batch)
      pooler.push(bag.slice(0, begin, std::min<std::int64_t>(begin + batch, bag.size(0))));
    return pooler.finish();
  };
  const models::MilOutput reference = pooled(0, 2500);
  for (const auto& [chunk, batch] : {std::pair(0, 16), {1, 16}, {7, 16}, {1000, 16}, {1024, 100}, {5000, 3}}) {
    const models::MilOutput output = pooled(chunk, batch);
    EXPECT_TRUE(at::equal(output.bag_logits, reference.bag_logits)) << "chunk " << chunk;
    EXPECT_TRUE(at::equal(output.attn_raw, reference.attn_raw)) << "chunk " << chunk;
    EXPECT_TRUE(at::equal(output.attn_softmax, reference.attn_softmax)) << "chunk " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Pooling,
                         testing::Values("acmil_ga", "abmil", "clam_mb", "acmil_mha", "transmil", "dsmil"));

TEST(BagPooler, EarlyResultsComeAtDoublingCounts) {
  const auto model = random_model("acmil_ga", 6);
  BagPooler pooler(*model, 0);
  std::vector<std::int64_t> due;
  for (int i = 0; i < 600; ++i) {
    pooler.push(at::rand({1, 6}));
    if (pooler.snapshot_due()) due.push_back(pooler.rows()), pooler.snapshot();
  }
  EXPECT_THAT(due, testing::ElementsAre(64, 128, 256, 512));
}

// --- values ---

TEST(AttentionValues, PercentilesAreAverageRanksOfTies) {
  const std::vector<float> values{0.3F, 0.1F, 0.3F, 0.9F};
  EXPECT_THAT(percentile_ranks(values), testing::ElementsAre(0.625F, 0.25F, 0.625F, 1.0F));
}

TEST(AttentionValues, BranchesAreAveragedOrPicked) {
  const std::vector<float> softmax{0.1F, 0.9F, 0.5F, 0.5F};
  EXPECT_THAT(branch_attention(softmax, 2, -1), testing::ElementsAre(testing::FloatEq(0.3F), testing::FloatEq(0.7F)));
  EXPECT_THAT(branch_attention(softmax, 2, 1), testing::ElementsAre(0.5F, 0.5F));
}

TEST(AttentionValues, EntropyAndConcentration) {
  const std::vector<float> uniform(20, 0.05F), spike{1, 0, 0, 0};
  EXPECT_NEAR(normalised_entropy(entropy(uniform), 20), 1, 1e-6);
  EXPECT_NEAR(top_mass(uniform, 10), 0.5, 1e-6);
  EXPECT_EQ(normalised_entropy(entropy(spike), 4), 0);
  EXPECT_EQ(top_mass(spike, 10), 1);
}

TEST(AttentionValues, ConstantAttentionIsDrawnInTheMiddle) {
  const std::vector<float> uniform(4, 0.25F);
  for (const char* scale : {"percentile", "minmax", "raw"})
    for (const float value : drawn_values(uniform, scale).value)
      EXPECT_TRUE(std::isfinite(value) && value >= 0 && value <= 1) << scale;
}

TEST(Metrics, AurocCountsTiesHalf) {
  const std::vector<float> scores{0.1F, 0.5F, 0.5F, 0.9F};
  EXPECT_DOUBLE_EQ(*fovea::pipeline::evaluation::auroc(scores, {false, true, false, true}), 0.875);
  EXPECT_FALSE(fovea::pipeline::evaluation::auroc(scores, {true, true, true, true}));
}

}  // namespace
}  // namespace fovea::pipeline::slide
