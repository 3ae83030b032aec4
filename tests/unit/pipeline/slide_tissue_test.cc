#include "slide/tissue.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/image.h>

#include "shared.h"
#include "slide/tile_grid.h"
#include "slide_support.h"

namespace fovea::pipeline::slide {
namespace {

using test::PaintedSlide;
using test::rectangles;

Tissue found(const io::Slide& slide, const TissueOptions& options = {}) {
  return find_tissue(slide, slide.info().scale->mpp, options, {}, "slide");
}

TEST(Overview, IsReducedBlockByBlockWhenThereIsNoCoarseLevel) {
  const PaintedSlide slide(20000, 12000, {1}, 0.5, rectangles({{4000, 4000, 6000, 4000}}));
  const Tissue tissue = found(slide);
  EXPECT_EQ(tissue.grid.factor, 16);
  EXPECT_EQ(tissue.mask.width, 1250);
  EXPECT_LE(slide.largest_read, 1024 * 1024);
  EXPECT_NEAR(tissue.area_mm2, 3.0 * 2.0, 0.05);
  ASSERT_EQ(tissue.regions.size(), 1U);
}

TEST(Overview, UsesTheGreatestLevelThatIsFineEnough) {
  io::SlideInfo info;
  info.levels = {{100000, 80000, 1}, {25000, 20000, 4}, {6250, 5000, 16}, {1562, 1250, 64}};
  info.bounds_width = 100000, info.bounds_height = 80000;
  const OverviewGrid grid = overview_grid(info, 32, 0.25, 64'000'000);
  EXPECT_EQ(grid.level, 2);
  EXPECT_EQ(grid.factor, 2);
  EXPECT_DOUBLE_EQ(grid.frame.mpp, 8);
  EXPECT_EQ(grid.width, 3125);
}

TEST(Overview, NeverExceedsItsPixelLimit) {
  io::SlideInfo info;
  info.levels = {{400000, 400000, 1}};
  info.bounds_width = info.bounds_height = 400000;
  const OverviewGrid grid = overview_grid(info, 16, 0.5, 64'000'000);
  EXPECT_LE(static_cast<std::int64_t>(grid.width) * grid.height, 64'000'000);
  EXPECT_GE(static_cast<std::int64_t>(grid.width) * grid.height, 30'000'000);
}

TEST(Tissue, SmallPiecesAreDroppedAndSmallHolesFilled) {
  const auto paint = [](std::int64_t x, std::int64_t y) {
    const bool block = x >= 1000 && x < 3000 && y >= 1000 && y < 3000;
    const bool hole = x >= 1900 && x < 2100 && y >= 1900 && y < 2100;   // 0.01 mm2
    const bool crumb = x >= 4000 && x < 4300 && y >= 1000 && y < 1300;  // 0.0225 mm2
    return (block && !hole) || crumb ? test::kTissue : test::kGlass;
  };
  const PaintedSlide slide(6000, 6000, {1}, 0.5, paint);
  const Tissue tissue = found(slide);
  ASSERT_EQ(tissue.regions.size(), 1U);
  EXPECT_EQ(tissue.regions[0].rings.size(), 1U);
  EXPECT_NEAR(tissue.area_mm2, 1.0, 0.03);

  TissueOptions biopsy;
  apply_preset(biopsy, "biopsy", 0.5);
  EXPECT_EQ(found(slide, biopsy).regions.size(), 2U);
}

TEST(Tissue, PresetsOfClamBecomeSquareMillimetres) {
  TissueOptions options;
  apply_preset(options, "tcga", 0.5);
  EXPECT_NEAR(options.min_region_mm2, 16 * 0.256 * 0.256, 1e-9);
  EXPECT_THROW(apply_preset(options, "nonsense", 0.5), Error);
}

TEST(Tissue, NoTissueSaysWhatWasFound) {
  const PaintedSlide crumb(6000, 6000, {1}, 0.5, rectangles({{1000, 1000, 320, 320}}));
  try {
    found(crumb);
    FAIL() << "found tissue";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNoTissue);
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("mm2, under the limit of 0.05 mm2"),
                                             testing::HasSubstr("--min-region-mm2")));
  }
  const PaintedSlide blank(6000, 6000, {1}, 0.5, rectangles({}));
  EXPECT_THROW(found(blank), Error);
}

TEST(Tissue, DarkBackgroundIsSaidAndBrightPartsAreTaken) {
  const PaintedSlide slide(6000, 6000, {1}, 0.5, [](std::int64_t x, std::int64_t y) {
    return x > 2000 && x < 4000 && y > 2000 && y < 4000 ? test::Rgb{20, 30, 180} : test::Rgb{2, 2, 5};
  });
  const Tissue tissue = found(slide);
  ASSERT_EQ(tissue.notices.size(), 1U);
  EXPECT_THAT(tissue.notices[0], testing::HasSubstr("looks like fluorescence"));
  EXPECT_NEAR(tissue.area_mm2, 1.0, 0.05);
}

TEST(Tissue, UnscannedAreaOfADarkSlideIsNotGlass) {
  PaintedSlide slide(6000, 6000, {1}, 0.5, rectangles({{1000, 1000, 2000, 2000}}));
  slide.info().bounds_x = 500, slide.info().bounds_y = 500, slide.info().bounds_width = 3000,
  slide.info().bounds_height = 3000;
  const Tissue tissue = found(slide);
  EXPECT_NEAR(tissue.area_mm2, 1.0, 0.03);
  EXPECT_EQ(tissue.grid.frame.origin_x, 500);
  EXPECT_NEAR(tissue.regions[0].rings[0][0].second, 1000, 20)
      << "regions are in level-0 pixels, not relative to the bounds";
}

TEST(TissueMaskFile, PictureIsStretchedOverTheSlide) {
  const test::TemporaryFolder folder;
  io::Image picture(60, 60, 1);
  for (int y = 0; y < 60; ++y)
    for (int x = 0; x < 30; ++x) *picture.at(x, y) = 255;
  io::write_png(folder / "mask.png", picture);
  const PaintedSlide slide(6000, 6000, {1}, 0.5, rectangles({}));
  TissueOptions options;
  options.mask_file = folder / "mask.png";
  EXPECT_NEAR(found(slide, options).area_mm2, 4.5, 0.05);
  const PaintedSlide oblong(6000, 3000, {1}, 0.5, rectangles({}));
  EXPECT_THROW(found(oblong, options), Error);
}

TEST(TissueMaskFile, GeoJsonPolygonsWithHolesAreFilled) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "mask.geojson")
      << R"({"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":
    [[[1000,1000],[5000,1000],[5000,5000],[1000,5000],[1000,1000]],[[2000,2000],[4000,2000],[4000,4000],[2000,4000],[2000,2000]]]}}]})";
  const PaintedSlide slide(6000, 6000, {1}, 0.5, rectangles({}));
  TissueOptions options;
  options.mask_file = folder / "mask.geojson";
  const Tissue tissue = found(slide, options);
  EXPECT_NEAR(tissue.area_mm2, 3.0, 0.05);
  EXPECT_EQ(tissue.regions[0].rings.size(), 2U);
  std::ofstream(folder / "mask.geojson") << "{\"type\": 3";
  EXPECT_THROW(found(slide, options), Error);
}

// --- tiles ---

ReadPlan native_plan(std::int64_t tile, std::int64_t overlap = 0) {
  const std::vector<io::SlideLevel> levels{{6000, 6000, 1}};
  return plan_reads(levels, 0.5, {0.5, tile, overlap, false}, "slide");
}

TEST(TileGrid, ShareOfTissueIsExact) {
  // The mask has 16 level-0 pixels a pixel: tissue ends on the border of one.
  const PaintedSlide slide(6000, 27 * 224, {1}, 0.5, rectangles({{0, 0, 2992, 27 * 224}}));
  const Tissue tissue = found(slide);
  const ReadPlan plan = native_plan(224);
  // Column 13 spans 2912..3136: (2992 - 2912) / 224 = 0.357 of it is tissue (closing and median leave a straight edge
  // in place).
  const auto columns = [&](double share) {
    const TileGrid grid = select_tiles(slide.info(), plan, tissue, share, "slide");
    return grid.tiles() / 27;
  };
  EXPECT_EQ(columns(0.36), 13);
  EXPECT_EQ(columns(0.35), 14);
  EXPECT_EQ(columns(0), 14);
}

TEST(TileGrid, TilesThatHangOverTheEdgeByMoreThanHalfAreDropped) {
  const PaintedSlide slide(1000, 1000, {1}, 0.5, rectangles({{0, 0, 1000, 1000}}));
  TissueOptions options;
  options.method = "none";
  const Tissue tissue = found(slide, options);
  // 224: columns at 0, 224, 448, 672, 896; the last has 104 of 224 inside: out.
  EXPECT_EQ(select_tiles(slide.info(), native_plan(224), tissue, 0.1, "slide").tiles(), 16);
  // 200 with overlap 50: step 150: 0..900; the tile at 900 has exactly half inside. The corner has a quarter: out.
  const TileGrid grid = select_tiles(slide.info(), native_plan(200, 50), tissue, 0.1, "slide");
  EXPECT_EQ(grid.tiles(), 7 * 7 - 1) << "all but the corner";
}

TEST(TileGrid, AnchorsAtTheScannedBounds) {
  PaintedSlide slide(6000, 6000, {1}, 0.5, rectangles({{0, 0, 6000, 6000}}));
  slide.info().bounds_x = 501, slide.info().bounds_y = 77, slide.info().bounds_width = 500,
  slide.info().bounds_height = 500;
  TissueOptions options;
  options.method = "none";
  const TileGrid grid = select_tiles(slide.info(), native_plan(224), found(slide, options), 0.1, "slide");
  ASSERT_EQ(grid.tiles(), 4);
  EXPECT_EQ(grid.coords[0], 501);
  EXPECT_EQ(grid.coords[1], 77);
}

TEST(TileGrid, SaysHowMuchTissueTheBestTileHas) {
  const PaintedSlide slide(6000, 6000, {1}, 0.5, rectangles({{1000, 1000, 480, 480}}));
  try {
    select_tiles(slide.info(), native_plan(2000), found(slide), 0.5, "slide");
    FAIL() << "kept a tile";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNoTissue);
    EXPECT_THAT(error.what(), testing::HasSubstr("--min-tissue"));
  }
}

// --- real slides (data/wsi/README.md: reference fractions by OpenCV on CLAM's level) ---

struct Reference {
  const char* file;
  double mpp;       ///< 0: the file's own
  double mask_mpp;  ///< makes the overview the level that CLAM picks
  double saturation, closed_share;
  int otsu;
  double otsu_share, white_share;
};

class TissueFractions : public testing::TestWithParam<Reference> {};

TEST_P(TissueFractions, AgreeWithOpenCv) {
  const Reference& reference = GetParam();
  FOVEA_NEEDS_SHARED(std::string("data/wsi/") + reference.file);
  io::SlideOptions slide_options;
  if (reference.mpp > 0) slide_options.mpp = reference.mpp;
  const auto slide = io::open_slide(test::shared_dir() / "data/wsi" / reference.file, slide_options);
  TissueOptions options;
  options.mask_mpp = reference.mask_mpp;
  options.min_region_mm2 = 0;
  const auto share = [&](const char* method, int closing) {
    options.method = method, options.closing_px = closing;
    return found(*slide, options);
  };
  EXPECT_NEAR(share("saturation", 1).fraction_before_cleaning, reference.saturation, 0.002);
  EXPECT_NEAR(share("saturation", 4).fraction_before_cleaning, reference.closed_share, 0.002);
  const Tissue otsu = share("otsu", 1);
  EXPECT_EQ(otsu.threshold, reference.otsu);
  EXPECT_NEAR(otsu.fraction_before_cleaning, reference.otsu_share, 0.002);
  // Read in blocks, a level whose downsample is no integer (2.0005) is interpolated by OpenSlide; without a median
  // filter that shows: 0.5850 in blocks of 1024 through openslide-python, 0.5823 in one piece.
  EXPECT_NEAR(share("white-distance", 1).fraction_before_cleaning, reference.white_share, 0.003);
}

INSTANTIATE_TEST_SUITE_P(
    Slides, TissueFractions,
    testing::Values(Reference{"CMU-1-Small-Region.svs", 0, 0.499, 0.3759, 0.3765, 57, 0.3055, 0.3165},
                    Reference{"TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs", 0.5, 1.0, 0.6328, 0.6330, 67, 0.5921, 0.5823},
                    Reference{"mosaic-40x-levels-1-4-16.svs", 0, 4.005, 0.6879, 0.6892, 62, 0.6230, 0.6213},
                    Reference{"cmu1-mosaic-dicom-3-levels", 0, 7.984, 0.4353, 0.4362, 44, 0.3228, 0.3609}));

TEST(RealSlides, AtEightMicrometresTheMaskIsTheSameWithinAPercent) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  const auto slide = io::open_slide(test::shared_dir() / "data/wsi/mosaic-40x-levels-1-4-16.svs");
  TissueOptions options;
  options.min_region_mm2 = 0;
  EXPECT_NEAR(found(*slide, options).fraction_before_cleaning, 0.6892, 0.02);
}

TEST(RealSlides, DapiIsRecognisedAsDark) {
  FOVEA_NEEDS_SHARED("data/wsi/hamamatsu-dapi-387.ndpi");
  const auto slide = io::open_slide(test::shared_dir() / "data/wsi/hamamatsu-dapi-387.ndpi");
  const Tissue tissue = found(*slide);
  ASSERT_FALSE(tissue.notices.empty());
  EXPECT_THAT(tissue.notices[0], testing::HasSubstr("dark background: looks like fluorescence"));
  EXPECT_LT(tissue.fraction_before_cleaning, 0.5) << "not the whole slide";
}

}  // namespace
}  // namespace fovea::pipeline::slide
