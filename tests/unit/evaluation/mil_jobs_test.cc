// `mil predict` and `slide explain` as a front end runs them.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>
#include <fovea/io/pyramid_tiff.h>
#include <fovea/io/slide.h>
#include <fovea/io/weights.h>
#include <fovea/models/mil.h>
#include <fovea/pipeline/job.h>

#include "evaluation/prediction_table.h"
#include "file_text.h"
#include "shared.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path write_model(const fs::path& path, std::int64_t features, std::uint64_t seed) {
  const models::MilConfig config{"acmil_ga", features, 16, 8, 3, 2};
  const models::MilRow& row = models::mil_model("acmil_ga");
  io::write_safetensors(path, to_arrays(models::random_state(row.specs(config), seed)),
                        {{"fovea.task", "mil"}, {"fovea.labels", R"(["calm","busy"])"}});
  return path;
}

void write_bag(const fs::path& path, std::int64_t tiles, std::int64_t width, std::uint64_t seed, float first = 0,
               const std::string& encoder = "") {
  at::manual_seed(seed);
  at::Tensor rows = at::randn({tiles, width});
  if (first != 0) rows[0][0] = first;
  io::FeatureBag bag;
  bag.features = to_array(rows), bag.encoder = encoder;
  for (std::int64_t i = 0; i < tiles; ++i) bag.coords.push_back(i % 8 * 256), bag.coords.push_back(i / 8 * 256);
  bag.geometry.footprint_px = 256, bag.geometry.mpp_level0 = 0.5, bag.geometry.tile_px = 256;
  bag.geometry.width = 2048, bag.geometry.height = 2048, bag.geometry.mpp_target = 0.5;
  io::write_bag(path, bag, io::BagLayout::kTrident);
}

class MilPredict : public testing::Test {
 protected:
  MilPredict() {
    fs::create_directories(folder_ / "bags");
    for (const int i : {1, 2, 3}) write_bag(folder_ / "bags" / ("00" + std::to_string(i) + ".h5"), 20 + i, 12, i);
    write_model(folder_ / "a.safetensors", 12, 1), write_model(folder_ / "b.safetensors", 12, 2);
  }
  JobResult predict(const std::vector<std::string>& models, const std::string& out,
                    std::map<std::string, Value> more = {}) {
    more["model"] = models, more["bags"] = (folder_ / "bags").string(), more["out"] = (folder_ / out).string();
    return run_job({"mil predict", more});
  }
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  evaluation::PredictionTable table(const std::string& out) {
    return evaluation::read_predictions(folder_ / out / "predictions.csv");
  }
  test::TemporaryFolder folder_;
};

TEST_F(MilPredict, AnEnsembleIsTheMeanOfItsModels) {
  predict({path("a.safetensors")}, "a"), predict({path("b.safetensors")}, "b");
  predict({path("a.safetensors"), path("b.safetensors")}, "both");
  const auto a = table("a"), b = table("b"), both = table("both");
  ASSERT_EQ(both.rows.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(both.rows[i].slide_id, "00" + std::to_string(i + 1));
    for (std::size_t c = 0; c < 2; ++c)
      EXPECT_NEAR(both.rows[i].probabilities[c], (a.rows[i].probabilities[c] + b.rows[i].probabilities[c]) / 2, 1e-6F);
  }
  EXPECT_THAT(test::file_text(folder_ / "both" / "concentration.csv"), HasSubstr("001,20,"));
}

TEST_F(MilPredict, BadBagsDoNotStopTheOthers) {
  write_bag(folder_ / "bags" / "nan.h5", 5, 12, 1, std::numeric_limits<float>::quiet_NaN());
  write_bag(folder_ / "bags" / "wide.h5", 5, 13, 1);
  std::ofstream(folder_ / "bags" / "broken.h5") << "not HDF5";
  const JobResult result = predict({path("a.safetensors")}, "out");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(table("out").rows.size(), 3U);
  const std::string left_out = test::file_text(folder_ / "out" / "left_out.csv");
  for (const char* name : {"nan", "wide", "broken"}) EXPECT_THAT(left_out, HasSubstr(name));
}

TEST_F(MilPredict, FeaturesOfAnotherEncoderAreLeftOut) {
  const models::MilConfig config{"acmil_ga", 12, 16, 8, 3, 2};
  io::write_safetensors(folder_ / "named.safetensors",
                        to_arrays(models::random_state(models::mil_model("acmil_ga").specs(config), 1)),
                        {{"fovea.task", "mil"}, {"fovea.encoder", "uni"}});
  write_bag(folder_ / "bags" / "other.h5", 5, 12, 1, 0, "virchow");
  const JobResult result = predict({path("named.safetensors")}, "out");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(table("out").rows.size(), 3U) << "bags that do not name their encoder are taken";
  EXPECT_THAT(test::file_text(folder_ / "out" / "left_out.csv"), HasSubstr("virchow"));
}

TEST_F(MilPredict, GoesOnWhereItWasInterrupted) {
  predict({path("a.safetensors")}, "whole");
  const std::string expected = test::file_text(folder_ / "whole" / "predictions.csv");
  int seen = 0;
  std::stop_source stop;
  const auto interrupt = [&](const Progress& progress) {
    if (progress.stage == "predicting" && progress.fraction > 0.05 && ++seen == 1) stop.request_stop();
  };
  const JobRequest request{"mil predict",
                           {{"model", std::vector<std::string>{path("a.safetensors")}},
                            {"bags", (folder_ / "bags").string()},
                            {"out", path("out")}}};
  EXPECT_THROW(run_job(request, interrupt, stop.get_token()), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out" / "predictions.csv"));
  std::ofstream(folder_ / "out" / "predictions.unfinished.csv", std::ios::app) << "003,003,0,0,te";  // cut in a row
  const JobResult result = run_job(request);
  EXPECT_GT(nlohmann::json::parse(result.json)["resumed"].get<int>(), 0);
  EXPECT_EQ(test::file_text(folder_ / "out" / "predictions.csv"), expected);
  EXPECT_FALSE(fs::exists(folder_ / "out" / "predictions.unfinished.csv"));
}

TEST_F(MilPredict, AnUnfinishedLogOfAnotherModelIsBegunAnew) {
  fs::create_directories(folder_ / "out");
  predict({path("b.safetensors")}, "expected");
  std::ofstream(folder_ / "out" / "unfinished.fingerprint") << "of another run";
  std::ofstream(folder_ / "out" / "predictions.unfinished.csv") << "slide_id\n001\n";
  std::ofstream(folder_ / "out" / "concentration.unfinished.csv") << "slide_id,k,mass\n";
  predict({path("b.safetensors")}, "out");
  EXPECT_EQ(test::file_text(folder_ / "out" / "predictions.csv"),
            test::file_text(folder_ / "expected" / "predictions.csv"));
}

TEST_F(MilPredict, LabelsAreJoinedByIdAndEvaluationReadsTheResult) {
  std::ofstream(folder_ / "labels.csv") << "case_id,slide_id,label\np1,001,calm\np2,002,1\np3,003,busy\np4,004,busy\n";
  const JobResult result =
      predict({path("a.safetensors")}, "out", {{"labels", path("labels.csv")}, {"attention", true}});
  EXPECT_EQ(result.exit_code, 2) << "slide 004 has no features";
  const auto rows = table("out").rows;
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].label, "busy") << "a number stands for the class";
  EXPECT_EQ(rows[2].case_id, "p3");
  EXPECT_TRUE(fs::exists(folder_ / "out" / "attention" / "002.h5"));
  const JobResult evaluated = run_job({"mil evaluate", {{"run", path("out")}, {"bootstrap", std::int64_t{20}}}});
  EXPECT_EQ(nlohmann::json::parse(evaluated.json)["slides"], 3);
  EXPECT_TRUE(fs::exists(folder_ / "out" / "report.html"));
}

TEST_F(MilPredict, ModelsThatDoNotFitTogetherAreRefused) {
  write_model(folder_ / "wide.safetensors", 13, 1);
  EXPECT_THROW(predict({path("a.safetensors"), path("wide.safetensors")}, "out"), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

class SlideExplain : public testing::Test {
 protected:
  SlideExplain() {
    write_bag(folder_ / "bag.h5", 60, 12, 4);
    write_model(folder_ / "model.safetensors", 12, 1);
  }
  JobRequest request(std::map<std::string, Value> more = {}) {
    more["features"] = (folder_ / "bag.h5").string(), more["model"] = (folder_ / "model.safetensors").string();
    more["out"] = (folder_ / "out").string();
    return {"slide explain", more};
  }
  fs::path out(const std::string& name) const { return folder_.path() / "out" / name; }
  test::TemporaryFolder folder_;
};

TEST_F(SlideExplain, WorksFromFeaturesAlone) {
  const JobResult result = run_job(request());
  const auto json = nlohmann::json::parse(test::file_text(out("explain.json")));
  EXPECT_EQ(json["tiles"], 60);
  EXPECT_EQ(json["branches"], 3);
  EXPECT_EQ(json["gradient_x_input_by_branch"].size(), 3U);
  const std::size_t target = json["target"] == "calm" ? 0 : 1;
  EXPECT_NEAR(json["deletion"]["points"][0]["by_attention"].get<double>(), json["probabilities"][target].get<double>(),
              1e-6)
      << "deletion of nothing is the original";
  for (const char* name : {"heatmap_mean.png", "heatmap_branch_2.png", "attention_mean.tif", "attention_branch_0.tif",
                           "overlay_mean.tif", "heatmap.geojson", "attention.h5", "top_tiles.csv", "explain.html"})
    EXPECT_TRUE(fs::exists(out(name))) << name;
  const auto map = io::open_slide(out("attention_mean.tif"));
  EXPECT_EQ(map->info().levels[0].width, 128) << "2048 px, 16 map pixels a tile";
  EXPECT_NEAR(map->info().scale->mpp, 8, 1e-4);
  EXPECT_THAT(test::file_text(out("heatmap.geojson")), HasSubstr("attention_percentile_branch_1"));
  EXPECT_THAT(test::file_text(out("heatmap.geojson")), HasSubstr("gradient_x_input"));
  const std::string csv = test::file_text(out("top_tiles.csv"));
  EXPECT_THAT(csv, testing::StartsWith("minx,miny,width,height,prob_calm,prob_busy,attention"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 16);
  EXPECT_THAT(test::file_text(out("explain.html")), HasSubstr("Attention explains part of the decision"));
}

TEST_F(SlideExplain, ShowsTheTilesOfTheSlide) {
  io::write_pyramid_tiff(folder_ / "slide.tif", {2048, 2048, 3, 0.5, ""}, [](int y, int rows) {
    io::Image band(2048, rows, 3);
    for (int row = 0; row < rows; ++row)
      for (int x = 0; x < 2048; ++x) {
        band.at(x, row)[0] = static_cast<std::uint8_t>(x / 256 * 20);
        band.at(x, row)[1] = static_cast<std::uint8_t>((y + row) / 256 * 20);
      }
    return band;
  });
  run_job(request({{"slide", (folder_ / "slide.tif").string()}, {"top", std::int64_t{4}}, {"scale", "authors"}}));
  int pictures = 0;
  for (const auto& entry : fs::directory_iterator(out("top_tiles"))) {
    const std::string name = entry.path().stem().string();
    const int x = std::stoi(name.substr(name.find("_x") + 2)), y = std::stoi(name.substr(name.find("_y") + 2));
    const io::Image tile = io::read_image(entry.path());
    EXPECT_EQ(tile.width, 256);
    EXPECT_EQ(tile.at(128, 128)[0], x / 256 * 20) << name;
    EXPECT_EQ(tile.at(128, 128)[1], y / 256 * 20) << name;
    ++pictures;
  }
  EXPECT_EQ(pictures, 4);
}

TEST_F(SlideExplain, AFailureLeavesNothing) {
  EXPECT_THROW(run_job(request({{"target", "unheard of"}})), Error);
  EXPECT_FALSE(fs::exists(out("")));
  EXPECT_THROW(run_job(request({{"alpha", 2.0}})), Error);
}

}  // namespace
}  // namespace fovea::pipeline
