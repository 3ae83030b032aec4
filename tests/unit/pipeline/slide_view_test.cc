// What the desktop sees of slides, results, dropped files and models.
#include <fovea/pipeline/attention_result.h>
#include <fovea/pipeline/case_source.h>
#include <fovea/pipeline/preparation.h>
#include <fovea/pipeline/slide_view.h>

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/attention_export.h>
#include <fovea/io/image.h>

#include "deps.h"
#include "shared.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::IsEmpty;

class SlideViewTest : public testing::Test {
 protected:
  fs::path picture(int width, int height) {
    io::Image image(width, height, 3);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        image.at(x, y)[0] = static_cast<std::uint8_t>(x % 251);
        image.at(x, y)[1] = static_cast<std::uint8_t>(y % 241);
        image.at(x, y)[2] = static_cast<std::uint8_t>((x / 16 + y / 16) % 2 * 200);
      }
    io::write_png(folder_ / "slide.png", image);
    return folder_ / "slide.png";
  }
  TemporaryFolder folder_;
};

TEST_F(SlideViewTest, AFileOfOneLevelGetsAPyramidOfMeans) {
  const SlideView view(picture(1500, 1100), 0.5);
  const SlideViewInfo& info = view.info();
  ASSERT_EQ(info.levels.size(), 3U);  // 1500, 750, 375
  EXPECT_DOUBLE_EQ(info.mpp, 0.5);
  EXPECT_EQ(info.levels[1].width, 750);
  EXPECT_DOUBLE_EQ(info.levels[2].downsample, 4);
  const io::Image fine = view.read_tile(0, 2, 1), coarse = view.read_tile(1, 1, 0);
  ASSERT_EQ(coarse.width, SlideView::kTilePx);
  // Pixel (0, 128) of the coarse tile covers level-0 (512, 256)..(513, 257), the corner of the fine one.
  for (int c = 0; c < 3; ++c) {
    const int sum = fine.at(0, 0)[c] + fine.at(1, 0)[c] + fine.at(0, 1)[c] + fine.at(1, 1)[c];
    EXPECT_EQ(coarse.at(0, 128)[c], (sum + 2) / 4) << c;
  }
}

TEST_F(SlideViewTest, TilesAtTheEdgeEndWithTheSlide) {
  const SlideView view(picture(600, 300));
  EXPECT_EQ(view.read_tile(0, 2, 1).width, 600 - 512);
  EXPECT_EQ(view.read_tile(0, 2, 1).height, 300 - 256);
  EXPECT_THROW(view.read_tile(0, 3, 0), Error);
  EXPECT_EQ(view.info().mpp, 0) << "a picture without a scale is not guessed at";
}

TEST_F(SlideViewTest, AStoppedReadEndsAsCancelled) {
  const SlideView view(picture(600, 300));
  std::stop_source stop;
  stop.request_stop();
  try {
    view.read_tile(0, 0, 0, stop.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

TEST_F(SlideViewTest, StoredLevelsFarApartGetLevelsBetween) {
  const fs::path slide = fs::path(FOVEA_SHARED_DIR) / "data/wsi/mosaic-40x-levels-1-4-16.svs";
  if (!fs::exists(slide)) GTEST_SKIP() << "no " << slide;
  const SlideView view(slide);
  double before = 0.5;
  for (const ViewLevel& level : view.info().levels) {
    EXPECT_LT(level.downsample / before, 2.9);
    before = level.downsample;
  }
  EXPECT_LE(std::max(view.info().levels.back().width, view.info().levels.back().height), 1024);
}

class AttentionResultTest : public testing::Test {
 protected:
  /// Four columns, three rows of tiles of 100 px from (1000, 500), stepping `step`; attention grows with the index.
  void write(std::int64_t step) {
    std::vector<std::int64_t> coords;
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 4; ++column)
        coords.push_back(1000 + column * step), coords.push_back(500 + row * step);
    std::vector<float> softmax(24), raw(24, 0.5F), value(12);
    for (int i = 0; i < 12; ++i) {
      softmax[static_cast<std::size_t>(i)] = static_cast<float>(i + 1) / 78;
      softmax[static_cast<std::size_t>(12 + i)] = static_cast<float>(12 - i) / 78;
      value[static_cast<std::size_t>(i)] = static_cast<float>(i + 1) / 12;
    }
    io::write_attention_h5(folder_ / "attention.h5", {coords, 100, raw, softmax, value, "attention_percentile", 2});
    std::ofstream(folder_ / "prediction.json")
        << R"({"classes":[{"name":"a","probability":0.2},{"name":"b","probability":0.8}],"tiles":{"used":12},"notices":["n"]})";
    io::write_geojson(folder_ / "heatmap.geojson", {coords, 100, raw, softmax, value, "attention_percentile", 2},
                      {{{{{1000, 500}, {1400, 500}, {1400, 800}, {1000, 500}}}, 0.5}});
  }
  TemporaryFolder folder_;
};

TEST_F(AttentionResultTest, TheRasterPutsEachTileOnItsPixel) {
  write(100);
  const SlideResult result = read_slide_result(folder_.path());
  const AttentionRaster raster = result.attention.raster(0, "percentile");
  EXPECT_EQ(raster.width, 4);
  EXPECT_EQ(raster.height, 3);
  EXPECT_DOUBLE_EQ(raster.x0, 1000);
  EXPECT_DOUBLE_EQ(raster.pixel_px, 100);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_FLOAT_EQ(raster.value[i], static_cast<float>(i + 1) / 12) << i;
  EXPECT_EQ(result.classes.front().name, "b") << "most likely first";
  ASSERT_EQ(result.tissue.size(), 1U);
  EXPECT_EQ(result.tissue[0][0].size(), 4U);
}

TEST_F(AttentionResultTest, OverlappingTilesAreAveragedAndGapsStayEmpty) {
  write(50);
  const AttentionRaster half = read_attention(folder_ / "attention.h5").raster(0, "percentile");
  EXPECT_DOUBLE_EQ(half.pixel_px, 50);
  EXPECT_EQ(half.width, 5);
  EXPECT_NEAR(half.value[1], (1 + 2) / 2.0 / 12, 1e-6) << "first and second tile lie there";
  write(200);
  const AttentionRaster apart = read_attention(folder_ / "attention.h5").raster(0, "percentile");
  EXPECT_EQ(apart.width, 7);
  EXPECT_TRUE(std::isnan(apart.value[1]));
}

TEST_F(AttentionResultTest, RanksAndPlacesFollowTheBranch) {
  write(100);
  const AttentionResult attention = read_attention(folder_ / "attention.h5");
  EXPECT_EQ(attention.ranks(0).back(), 1);
  EXPECT_EQ(attention.ranks(1).front(), 1);
  EXPECT_THAT(attention.top(0, 3), testing::ElementsAre(11, 10, 9));
  const auto shares = attention.attention(0);
  EXPECT_EQ(attention.tile_at(1000, 500, shares), 0);
  EXPECT_EQ(attention.tile_at(1399.9, 799.9, shares), 11);
  EXPECT_EQ(attention.tile_at(1400, 700, shares), -1);
}

TEST_F(AttentionResultTest, FilesThatDoNotFitEachOtherAreRefused) {
  write(100);
  std::ofstream(folder_ / "prediction.json") << R"({"classes":[],"tiles":{"used":13}})";
  EXPECT_THROW(read_slide_result(folder_.path()), Error);
  fs::remove(folder_ / "prediction.json");
  EXPECT_THROW(read_slide_result(folder_.path()), Error);
}

class CaseSourceTest : public testing::Test {
 protected:
  void touch(const fs::path& name) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "x";
  }
  TemporaryFolder folder_;
};

TEST_F(CaseSourceTest, SlidesAndScansAreToldApartAndResultsPassedOver) {
  for (const char* name : {"a.svs", "deep/b.nii.gz", "m.mrxs", "m/Data0001.dat", "notes.txt", "r/prediction.json",
                           "r/heatmap.tif", ".hidden/c.svs"})
    touch(name);
  const auto found = find_case_sources(folder_.path());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].path.filename(), "a.svs");
  EXPECT_EQ(found[1].kind, SourceKind::kScan);
  EXPECT_EQ(found[2].path.filename(), "m.mrxs");
}

TEST_F(CaseSourceTest, AFileThatIsNeitherSaysSo) {
  touch("notes.txt");
  const auto found = find_case_sources(folder_ / "notes.txt");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, SourceKind::kUnknown);
  EXPECT_FALSE(found[0].problem.empty());
  EXPECT_THROW(find_case_sources(folder_ / "gone"), Error);
}

TEST_F(CaseSourceTest, DicomIsGroupedByStudyWithoutIdentifiers) {
  const fs::path shared = fs::path(FOVEA_SHARED_DIR) / "data";
  if (!fs::exists(shared / "mri/t1-dicom")) GTEST_SKIP() << "no " << shared;
  const auto scans = find_case_sources(shared / "mri/t1-dicom");
  ASSERT_EQ(scans.size(), 1U);
  EXPECT_EQ(scans[0].kind, SourceKind::kScan);
  EXPECT_EQ(scans[0].path.filename(), "t1-dicom");
  EXPECT_EQ(scans[0].patient.size(), 12U);
  const auto slides = find_case_sources(shared / "wsi/cmu1-small-region-dicom");
  ASSERT_EQ(slides.size(), 1U) << "one slide, however many files";
  EXPECT_EQ(slides[0].kind, SourceKind::kSlide);
}

TEST(Preparation, ModelsSayWhatTheyAreForAndWhyTheyDoNotFit) {
  const auto models = models_in(fs::path(FOVEA_SOURCE_DIR) / "demo/models");
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].task, "segmentation");
  EXPECT_EQ(models[1].task, "mil");
  EXPECT_EQ(models[1].encoder, "efficientnet_lite0");
  EXPECT_THAT(misfit(models[1], "slide predict"), IsEmpty());
  EXPECT_THAT(misfit(models[1], "mri segment"), HasSubstr("reads slides"));
  EXPECT_THAT(misfit(models[0], "slide predict"), HasSubstr("reads scans"));
  EXPECT_TRUE(models_in("/nowhere").empty());
}

TEST(Preparation, AMissingScaleIsFoundBeforeTheStart) {
  TemporaryFolder folder;
  io::write_png(folder / "slide.png", io::Image(600, 600, 3, 200));
  JobRequest request;
  request.kind = "slide predict";
  request.values["slide"] = (folder / "slide.png").string();
  request.values["model"] = std::string(FOVEA_SOURCE_DIR) + "/demo/models/slide-demo-acmil.safetensors";
  request.values["out"] = (folder / "out").string();
  const auto state = [&](const std::string& name) {
    for (const PreflightCheck& row : preflight(request))
      if (row.name == name) return row.state;
    ADD_FAILURE() << "no check " << name;
    return PreflightCheck::State::kBad;
  };
  EXPECT_EQ(state("scale"), PreflightCheck::State::kBad);
  request.values["mpp"] = 0.5;
  EXPECT_EQ(state("scale"), PreflightCheck::State::kGood);
  EXPECT_EQ(state("output"), PreflightCheck::State::kGood);
  EXPECT_FALSE(fs::exists(folder / "out")) << "looking leaves nothing behind";
  request.values["model"] = std::string(FOVEA_SOURCE_DIR) + "/demo/models/mri-meningioma-2d.safetensors";
  EXPECT_EQ(state("model"), PreflightCheck::State::kBad);
}

}  // namespace
}  // namespace fovea::pipeline
