// Live prediction: the order of visits, the bound on unseen attention, stability, early stops, and that the end is the
// ordinary result.
#include "slide/live.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <set>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>
#include <fovea/io/weights.h>
#include <fovea/models/score_bound.h>
#include <fovea/pipeline/attention_result.h>
#include <fovea/pipeline/job.h>

#include "model_store.h"
#include "shared.h"
#include "slide/visiting_order.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::slide {
namespace {

using fovea::test::shared_dir;
using fovea::test::TemporaryFolder;
using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::int64_t kWidth = 12;

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
}

std::unique_ptr<models::MilModel> model_of(const std::string& architecture, std::uint64_t seed = 5) {
  const models::MilRow& row = models::mil_model(architecture);
  const models::MilConfig config = row.completed({architecture, kWidth, 8, 6, 2, 3});
  return row.make(config, models::random_state(row.specs(config), seed));
}

std::vector<std::int64_t> grid_coords(std::int64_t columns, std::int64_t rows, std::int64_t step) {
  std::vector<std::int64_t> coords;
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < columns; ++x) coords.insert(coords.end(), {1000 + x * step, 500 + y * step});
  return coords;
}

TEST(VisitingOrder, VisitsEveryTileOnce) {
  for (const std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
    std::vector<std::int64_t> order = visiting_order({}, count, 0);
    std::sort(order.begin(), order.end());
    std::vector<std::int64_t> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(order, all) << count;
  }
}

TEST(VisitingOrder, HasTouchedEveryRegionAfterOnePercent) {
  const std::int64_t columns = 100, rows = 80, step = 512;
  const auto coords = grid_coords(columns, rows, step);
  const auto order = visiting_order(coords, columns * rows, static_cast<double>(step));
  std::set<std::pair<std::int64_t, std::int64_t>> regions;  // of 20 x 20 tiles
  for (std::size_t i = 0; i < 80; ++i) regions.insert({order[i] % columns / 20, order[i] / columns / 20});
  EXPECT_EQ(regions.size(), 20U) << "5 x 4 regions, 80 of 8000 tiles";
}

TEST(VisitingOrder, SpreadsOverTheTissueAndNotOverTheGlass) {
  std::vector<std::int64_t> coords = grid_coords(30, 30, 100);
  const std::vector<std::int64_t> far = grid_coords(30, 30, 100);
  for (std::size_t i = 0; i < far.size(); i += 2) coords.insert(coords.end(), {far[i] + 900'000, far[i + 1] + 700'000});
  const auto order = visiting_order(coords, 1800, 100);
  const auto second = std::count_if(order.begin(), order.begin() + 18, [](std::int64_t tile) { return tile >= 900; });
  EXPECT_NEAR(static_cast<double>(second), 9, 1);
}

TEST(ScoreBound, HoldsForInstancesOfAnySize) {
  for (const char* architecture : {"abmil", "acmil_ga", "clam_sb", "clam_mb"}) {
    const auto model = model_of(architecture);
    const auto bounds = models::score_upper_bounds(*model);
    ASSERT_TRUE(bounds) << architecture;
    double nearest = 1e9;
    for (const double size : {0.1, 1.0, 1000.0}) {
      const at::Tensor raw = model->forward(size * normal({4000, kWidth}, 3)).attn_raw;
      ASSERT_EQ(static_cast<std::int64_t>(bounds->size()), raw.size(0));
      for (std::size_t k = 0; k < bounds->size(); ++k) {
        const double highest = raw[static_cast<std::int64_t>(k)].max().item<double>();
        EXPECT_LE(highest, (*bounds)[k] + 1e-5) << architecture;
        nearest = std::min(nearest, (*bounds)[k] - highest);
      }
    }
    EXPECT_LT(nearest, 3) << architecture << ": a bound far from every score says nothing";
  }
  for (const char* architecture : {"transmil", "dsmil", "mean_pooling"})
    EXPECT_FALSE(models::score_upper_bounds(*model_of(architecture))) << architecture;
}

TEST(LivePrediction, NoUnseenTilesTakeMoreAttentionThanItsBound) {
  const auto model = model_of("acmil_ga");
  const std::int64_t tiles = 200;
  const at::Tensor seen = normal({tiles, kWidth}, 1);
  LivePrediction live(*model, tiles, {});
  std::vector<LiveCheckpoint> told;
  live.push(seen, [&](const LiveCheckpoint& checkpoint, const models::MilOutput&) { told.push_back(checkpoint); });
  ASSERT_EQ(told.size(), 6U);
  for (const LiveCheckpoint& checkpoint : told) {
    // The strongest instance out of many stands for every unseen tile: no bag gives them more than this search does.
    const at::Tensor candidates = 50 * normal({20000, kWidth}, 2);
    const at::Tensor raw = model->forward(candidates).attn_raw;
    for (std::int64_t branch = 0; branch < raw.size(0); ++branch) {
      const at::Tensor worst =
          candidates[raw[branch].argmax().item<std::int64_t>()].expand({checkpoint.of - checkpoint.seen, kWidth});
      const at::Tensor bag = at::cat({seen.narrow(0, 0, checkpoint.seen), worst});
      const at::Tensor attention = model->forward(bag).attn_softmax[branch];
      const double taken = attention.narrow(0, checkpoint.seen, checkpoint.of - checkpoint.seen).sum().item<double>();
      EXPECT_LE(taken, (*checkpoint.mass_bound)[static_cast<std::size_t>(branch)] + 1e-6);
      EXPECT_GT(taken, 0);
    }
  }
}

TEST(LivePrediction, TellsAtTheSharesWhateverTheSizeOfThePieces) {
  const auto model = model_of("abmil");
  const at::Tensor rows = normal({1000, kWidth}, 1);
  std::vector<std::vector<float>> told;
  for (const std::int64_t piece : {1, 16, 333, 1000}) {
    LivePrediction live(*model, 1000, {});
    std::vector<std::int64_t> counts;
    std::vector<float> probabilities;
    for (const at::Tensor& some : rows.split(piece))
      live.push(some, [&](const LiveCheckpoint& checkpoint, const models::MilOutput& running) {
        counts.push_back(checkpoint.seen);
        EXPECT_EQ(running.attn_raw.size(-1), checkpoint.seen);
        probabilities.push_back(checkpoint.probabilities[0]);
      });
    EXPECT_EQ(counts, (std::vector<std::int64_t>{10, 20, 50, 100, 250, 500}));
    told.push_back(probabilities);
  }
  for (const auto& probabilities : told)
    for (std::size_t i = 0; i < probabilities.size(); ++i) EXPECT_NEAR(probabilities[i], told[0][i], 1e-6);
}

/// Bags of a model whose classes lie apart by `difference` on average: a large one is soon stable, none is not.
LiveReport report_for(double difference, std::optional<double> threshold, std::uint64_t seed) {
  const auto model = model_of("mean_pooling", 7);
  at::Tensor rows = normal({2000, kWidth}, seed);
  const at::Tensor direction = normal({kWidth}, 99);
  rows = rows + difference * direction;
  LivePrediction live(*model, 2000, threshold);
  bool going = true;
  for (const at::Tensor& some : rows.split(16))
    if (going) going = live.push(some, [](const auto&, const auto&) {});
  return live.finish(model->forward(rows.narrow(0, 0, live.seen())));
}

TEST(LivePrediction, IsSureOfABagThatIsClearAndStopsThere) {
  const LiveReport report = report_for(4, 0.99, 1);
  EXPECT_TRUE(report.stopped_early);
  EXPECT_LT(report.checkpoints.back().seen, 1000);
  EXPECT_GE(*report.checkpoints.back().stability, 0.99);
  const LiveReport whole = report_for(4, {}, 1);
  EXPECT_FALSE(whole.stopped_early);
  EXPECT_EQ(whole.checkpoints.back().leading, report.checkpoints.back().leading);
  EXPECT_EQ(whole.checkpoints.back().seen, 2000);
  EXPECT_EQ(*whole.checkpoints.back().stability, 1);
}

TEST(LivePrediction, KnowsNoStabilityFromAHandfulOfTiles) {
  const LiveReport report = report_for(4, {}, 1);
  EXPECT_EQ(report.checkpoints.front().seen, 20);
  EXPECT_FALSE(report.checkpoints.front().stability);
  EXPECT_FALSE(report.checkpoints.front().moved);
  EXPECT_TRUE(report.checkpoints[1].moved);
}

TEST(LivePrediction, ItsStabilityIsNearTheShareOfBagsWhoseClassStays) {
  // Over many bags without a clear class, the mean estimate at 10 % against how often the class was indeed the final
  // one.
  double estimated = 0, stayed = 0;
  int bags = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const LiveReport report = report_for(0, {}, seed);
    const LiveCheckpoint& at = report.checkpoints[3];
    ASSERT_EQ(at.seen, 200);
    estimated += *at.stability;
    stayed += at.leading == report.checkpoints.back().leading;
    ++bags;
  }
  EXPECT_NEAR(estimated / bags, stayed / bags, 0.15);
}

class LiveRun : public testing::Test {
 protected:
  void write_model(const std::string& architecture, std::int64_t width, const std::string& encoder = "") {
    const models::MilRow& row = models::mil_model(architecture);
    const models::MilConfig config = row.completed({architecture, width, 16, 8, 3, 2});
    std::map<std::string, std::string> metadata{{"fovea.labels", R"(["calm","busy"])"}};
    if (!encoder.empty()) metadata["fovea.encoder"] = encoder;
    io::write_safetensors(folder_ / "model.safetensors", to_arrays(models::random_state(row.specs(config), 9)),
                          metadata);
  }
  void write_bag(const at::Tensor& rows) {
    io::FeatureBag bag;
    bag.features = to_array(rows);
    bag.coords = grid_coords(rows.size(0) / 20, 20, 512);
    bag.geometry.footprint_px = 512;
    bag.slide = "slide";
    io::write_bag(folder_ / "bag.h5", bag, io::BagLayout::kTrident);
  }
  JobRequest request(const std::string& name) const {
    JobRequest request{"slide predict", {{"model", (folder_ / "model.safetensors").string()}}};
    request.values["out"] = (folder_ / name).string();
    request.values["dump"] = (folder_ / (name + ".safetensors")).string();
    return request;
  }
  JobRequest bag_request(const std::string& name) const {
    JobRequest made = request(name);
    made.values["features"] = (folder_ / "bag.h5").string();
    return made;
  }
  void expect_same(const std::string& a, const std::string& b) const {
    const auto first = io::read_safetensors(folder_ / (a + ".safetensors")),
               second = io::read_safetensors(folder_ / (b + ".safetensors"));
    ASSERT_EQ(first.tensors.size(), second.tensors.size());
    for (const auto& [name, array] : first.tensors)
      EXPECT_TRUE(to_tensor(array).equal(to_tensor(second.tensors.at(name)))) << name;
  }
  json prediction(const std::string& name) const {
    std::ifstream stream(folder_ / name / "prediction.json");
    return json::parse(stream);
  }
  TemporaryFolder folder_;
};

TEST_F(LiveRun, EndsWithTheBitsOfTheOrdinaryRunFromABag) {
  for (const char* architecture : {"acmil_ga", "transmil"}) {
    write_model(architecture, kWidth);
    write_bag(normal({5000, kWidth}, 4));
    run_job(bag_request("plain"));
    JobRequest live = bag_request("live");
    live.values["live"] = true;
    std::vector<json> told;
    const JobResult result = run_job(live, [&](const Progress& progress) {
      if (!progress.data.empty()) told.push_back(json::parse(progress.data).at("live"));
    });
    expect_same("plain", "live");
    ASSERT_EQ(told.size(), 6U) << architecture;
    EXPECT_EQ(told[0]["seen"], 50);
    EXPECT_EQ(told[0]["unseen_mass_bound"].is_null(), std::string(architecture) == "transmil");
    const json written = prediction("live")["live"];
    EXPECT_EQ(written["checkpoints"].size(), 7U);
    EXPECT_EQ(written["stopped_early"], false);
    EXPECT_EQ(written["checkpoints"][6]["probabilities"]["busy"], prediction("plain")["classes"][1]["probability"]);
    EXPECT_FALSE(fs::exists(folder_ / "live/heatmap_live.png")) << "the final heatmap has taken its place";
  }
}

TEST_F(LiveRun, DrawsTheHeatmapOfWhatWasSeen) {
  write_model("acmil_ga", kWidth);
  write_bag(normal({2000, kWidth}, 4));
  JobRequest live = bag_request("live");
  live.values["live"] = true;
  std::set<std::uintmax_t> sizes;
  std::vector<std::size_t> tiles;
  run_job(live, [&](const Progress& progress) {
    if (progress.data.empty()) return;
    sizes.insert(fs::file_size(folder_ / "live/heatmap_live.png"));
    tiles.push_back(read_attention(folder_ / "live/attention_live.h5").tiles());
  });
  EXPECT_GT(sizes.size(), 3U) << "it was drawn anew";
  EXPECT_EQ(tiles, (std::vector<std::size_t>{20, 40, 100, 200, 500, 1000}));
  EXPECT_FALSE(fs::exists(folder_ / "live/attention_live.h5")) << "attention.h5 has taken its place";
}

TEST_F(LiveRun, AnEarlyStopSaysSoAndKeepsOnlyWhatWasSeen) {
  write_model("mean_pooling", kWidth);
  write_bag(normal({2000, kWidth}, 4) + 4 * normal({kWidth}, 99));
  JobRequest live = bag_request("live");
  live.values["stop-when-stable"] = 0.95;
  const JobResult result = run_job(live);
  const json written = prediction("live");
  ASSERT_EQ(written["live"]["stopped_early"], true);
  EXPECT_THAT(written["live"]["reason"].get<std::string>(), HasSubstr("stopped early after"));
  EXPECT_EQ(written["live"]["seen"], written["tiles"]["used"]);
  EXPECT_LT(written["live"]["fraction_seen"].get<double>(), 0.6);
  EXPECT_THAT(result.text, HasSubstr("stopped early"));
}

TEST_F(LiveRun, RefusesAThresholdThatIsNone) {
  write_model("abmil", kWidth);
  write_bag(normal({40, kWidth}, 4));
  for (const double threshold : {0.4, 1.0, std::nan("")}) {
    JobRequest live = bag_request("live");
    live.values["stop-when-stable"] = threshold;
    EXPECT_THROW(run_job(live), Error) << threshold;
  }
}

TEST_F(LiveRun, ACancelLeavesNothingBehind) {
  write_model("acmil_ga", kWidth);
  write_bag(normal({5000, kWidth}, 4));
  JobRequest live = bag_request("live");
  live.values["live"] = true;
  std::stop_source stop;
  EXPECT_THROW(run_job(
                   live,
                   [&](const Progress& progress) {
                     if (!progress.data.empty()) stop.request_stop();
                   },
                   stop.get_token()),
               Error);
  EXPECT_FALSE(fs::exists(folder_ / "live"));
}

TEST_F(LiveRun, EndsWithTheBitsOfTheOrdinaryRunFromASlide) {
  const fs::path slide = shared_dir() / "data/wsi/CMU-1-Small-Region.svs";
  if (!fs::exists(slide)) GTEST_SKIP() << "needs " << slide;
  if (!find_encoder_weights("efficientnet_lite0")) GTEST_SKIP() << "needs the encoder's weights";
  write_model("acmil_ga", 1280, "efficientnet_lite0");
  JobRequest plain = request("plain"), live = request("live");
  for (JobRequest* one : {&plain, &live}) one->values["slide"] = slide.string(), one->values["keep-features"] = true;
  live.values["live"] = true;
  run_job(plain), run_job(live);
  expect_same("plain", "live");
  const io::FeatureBag a = io::read_bag(folder_ / "plain/features.h5"), b = io::read_bag(folder_ / "live/features.h5");
  EXPECT_TRUE(to_tensor(a.features).equal(to_tensor(b.features)));
  EXPECT_EQ(a.coords, b.coords);
}

}  // namespace
}  // namespace fovea::pipeline::slide
