// `slide tiles` as a whole: files of three formats, lists with bad slides, going on where it stopped.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>
#include <fovea/io/image.h>
#include <fovea/pipeline/job.h>

#include "shared.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::slide {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SlideTiles : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
    wsi_ = test::shared_dir() / "data/wsi";
  }
  JobResult run(std::map<std::string, Value> values, std::stop_token stop = {}) {
    values["out"] = (folder_ / "out").string();
    return run_job({"slide tiles", std::move(values)}, {}, std::move(stop));
  }
  std::vector<std::string> small() const { return {(wsi_ / "CMU-1-Small-Region.svs").string()}; }
  std::map<std::string, CsvRow> rows(const std::string& table) {
    std::map<std::string, CsvRow> rows;
    for (CsvRow& row : read_csv(folder_ / "out" / table, {"slide_id"})) {
      const std::string id = row["slide_id"];
      rows[id] = std::move(row);
    }
    return rows;
  }
  test::TemporaryFolder folder_;
  fs::path wsi_;
};

TEST_F(SlideTiles, OursAreCoordinatesOutlinesAndAPreview) {
  const JobResult result = run({{"slides", small()}});
  EXPECT_EQ(result.exit_code, 0);
  const io::FeatureBag bag = io::read_patches(folder_ / "out/patches/CMU-1-Small-Region.h5");
  EXPECT_GT(bag.coords.size(), 60U);
  EXPECT_DOUBLE_EQ(bag.geometry.footprint_px, 256);
  EXPECT_EQ(bag.geometry.read_px, 256);
  EXPECT_DOUBLE_EQ(*bag.geometry.mpp_level0, 0.499);
  std::ifstream outlines(folder_ / "out/tissue/CMU-1-Small-Region.geojson");
  EXPECT_GE(nlohmann::json::parse(outlines)["features"].size(), 1U);
  const io::Image preview = io::read_image(folder_ / "out/previews/CMU-1-Small-Region.jpg");
  EXPECT_LE(std::max(preview.width, preview.height), 2048);
  EXPECT_EQ(std::stoul(rows("tiles.csv")["CMU-1-Small-Region"]["tiles"]), bag.coords.size() / 2);
}

TEST_F(SlideTiles, ClamsFormatWithClamsRuleHasClamsTiles) {
  run({{"slides", small()},
       {"format", "clam"},
       {"tissue-method", "clam"},
       {"preset", "bwh-biopsy"},
       {"slide-mpp", 0.5}});
  const io::FeatureBag bag = io::read_patches(folder_ / "out/patches/CMU-1-Small-Region.h5");
  ASSERT_EQ(bag.coords.size(), 100U);
  EXPECT_EQ(bag.coords[0], 320);
  EXPECT_EQ(bag.coords[1], 838);
  EXPECT_EQ(bag.geometry.level, 0);
  EXPECT_TRUE(fs::exists(folder_ / "out/masks/CMU-1-Small-Region.jpg"));
  CsvRow row = read_csv(folder_ / "out/process_list_autogen.csv", {"slide_id", "status"}).at(0);
  EXPECT_EQ(row["slide_id"], "CMU-1-Small-Region.svs");
  EXPECT_EQ(row["status"], "processed");
  EXPECT_EQ(row["sthresh"], "15");
  EXPECT_EQ(row["a_t"], "1");
}

TEST_F(SlideTiles, TridentsFormatHasItsFolders) {
  run({{"slides", small()}, {"format", "trident"}, {"tissue-method", "trident"}, {"overlap", std::string("64")}});
  const fs::path patches = folder_ / "out/20x_256px_64px_overlap/patches/CMU-1-Small-Region_patches.h5";
  const io::FeatureBag bag = io::read_patches(patches);
  EXPECT_EQ(bag.geometry.tile_px, 256);
  EXPECT_EQ(bag.attributes.at("overlap"), "64");
  EXPECT_EQ(bag.attributes.at("level0_magnification"), "20");
  EXPECT_TRUE(fs::exists(folder_ / "out/contours_geojson/CMU-1-Small-Region.geojson"));
  EXPECT_TRUE(fs::exists(folder_ / "out/contours/CMU-1-Small-Region.jpg"));
}

TEST_F(SlideTiles, BadSlidesDoNotStopTheOthersAndTheRunGoesOnWhereItStopped) {
  std::ofstream(folder_ / "text.svs") << "no slide at all";
  fs::copy_file(wsi_ / "CMU-1-Small-Region.svs", folder_ / "007.svs");
  fs::permissions(folder_ / "007.svs", fs::perms::owner_all);
  fs::copy_file(wsi_ / "TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs", folder_ / "noscale.svs");
  std::ofstream(folder_ / "slides.csv") << "slide_id,path\ntext,text.svs\n007,007.svs\nmissing,missing.svs\n"
                                           "noscale,noscale.svs\n";
  const std::string list = (folder_ / "slides.csv").string();
  const JobResult first = run({{"list", list}, {"no-previews", true}});
  EXPECT_EQ(first.exit_code, 2);
  auto table = rows("summary.csv");
  EXPECT_EQ(table["007"]["state"], "done") << "an id with leading zeros stays text";
  EXPECT_EQ(table["text"]["state"], "failed");
  EXPECT_EQ(table["missing"]["state"], "failed");
  EXPECT_THAT(table["noscale"]["reason"], HasSubstr("--slide-mpp"));
  EXPECT_THAT(first.text, HasSubstr("1 done"));

  std::ofstream(folder_ / "slides.csv") << "slide_id,path,mpp\n007,007.svs,\nnoscale,noscale.svs,0.5\n";
  EXPECT_EQ(run({{"list", list}, {"no-previews", true}}).exit_code, 0);
  EXPECT_EQ(rows("summary.csv")["007"]["state"], "already there");
  EXPECT_EQ(rows("summary.csv")["noscale"]["state"], "done");
  // Other settings: the coordinates there are of another tiling.
  EXPECT_EQ(run({{"list", list}, {"no-previews", true}, {"tile", std::int64_t{512}}}).exit_code, 0);
  EXPECT_EQ(rows("summary.csv")["007"]["state"], "done");
}

TEST_F(SlideTiles, EveryTileIsReadWhenAskedAndDamagedOnesAreLeftOut) {
  const fs::path copy = folder_ / "damaged.svs";
  fs::copy_file(wsi_ / "CMU-1-Small-Region.svs", copy);
  fs::permissions(copy, fs::perms::owner_all);
  // Somewhere in the middle lie the stored tiles of the tissue.
  {
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(900'000);
    file << std::string(20'000, '\xff');
  }
  const std::map<std::string, Value> plain{{"slides", std::vector<std::string>{copy.string()}},
                                           {"tissue-method", "none"},
                                           {"no-previews", true},
                                           {"read-tiles", true}};
  const JobResult result = run(plain);
  EXPECT_EQ(result.exit_code, 0);
  CsvRow row = rows("tiles.csv")["damaged"];
  EXPECT_GT(std::stoi(row["unreadable"]), 0);
  EXPECT_EQ(std::stoi(row["unreadable"]) + std::stoi(row["tiles"]), std::stoi(row["positions"]));
}

TEST_F(SlideTiles, InHelperProcessesTheTilesAreTheSame) {
  std::map<std::string, Value> values{{"slides", small()}, {"no-previews", true}, {"guards", "pen,black,blur"}};
  run(values);
  const auto plain = io::read_patches(folder_ / "out/patches/CMU-1-Small-Region.h5").coords;
  values["isolate"] = "on", values["overwrite"] = true;
  EXPECT_EQ(run(values).exit_code, 0);
  EXPECT_EQ(io::read_patches(folder_ / "out/patches/CMU-1-Small-Region.h5").coords, plain);
}

TEST_F(SlideTiles, NoTissueIsNoSuccess) {
  const JobResult result = run({{"slides", small()}, {"tissue-method", "clam"}, {"preset", "tcga"}});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(rows("summary.csv")["CMU-1-Small-Region"]["state"], "no tissue");
  EXPECT_FALSE(fs::exists(folder_ / "out/patches/CMU-1-Small-Region.h5"));
}

TEST_F(SlideTiles, AStopRequestEndsTheRun) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(run({{"slides", small()}}, stop.get_token()), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out/patches/CMU-1-Small-Region.h5"));
}

TEST_F(SlideTiles, WrongOptionsAreToldTogether) {
  try {
    run({{"tile", std::int64_t{2}}, {"min-tissue", 3.0}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("--list"), HasSubstr("--tile"), HasSubstr("--min-tissue")));
  }
}

}  // namespace
}  // namespace fovea::pipeline::slide
