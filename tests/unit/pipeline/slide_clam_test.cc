// CLAM's and TRIDENT's tissue: expected values are OpenCV's, by the rules of reference/wsi.md 2.1 on the same slides.
#include "slide/clam_tissue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "shared.h"
#include "slide/contours.h"
#include "slide/mask_ops.h"
#include "slide/tile_grid.h"
#include "slide_support.h"

namespace fovea::pipeline::slide {
namespace {

using test::PaintedSlide;

TissueOptions clam_options(const std::string& preset, double mpp) {
  TissueOptions options;
  options.method = "clam";
  apply_preset(options, preset, mpp);
  return options;
}

Tissue found(const io::Slide& slide, const TissueOptions& options) {
  return find_tissue(slide, slide.info().scale->mpp, options, {}, "slide");
}

io::Image mask_of(const std::vector<std::string>& rows) {
  io::Image mask(static_cast<int>(rows.front().size()), static_cast<int>(rows.size()), 1);
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      *mask.at(x, y) = rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] == '#' ? 255 : 0;
  return mask;
}

TEST(PixelContours, RunThroughPixelCentresAroundTheRegionAndItsHoles) {
  const auto contours =
      pixel_contours(mask_of({".......", ".#####.", ".#...#.", ".#.#.#.", ".#...#.", ".#####.", "......."}));
  ASSERT_EQ(contours.size(), 2U) << "the ring, and the island in its hole";
  EXPECT_EQ(contours[0].outer.size(), 16U);
  EXPECT_DOUBLE_EQ(polygon_area(contours[0].outer), 16);
  ASSERT_EQ(contours[0].holes.size(), 1U);
  // As OpenCV: the hole's border are the tissue pixels beside it, corners cut.
  EXPECT_DOUBLE_EQ(polygon_area(contours[0].holes[0].ring), 14);
  EXPECT_EQ(contours[1].outer.size(), 1U);
  EXPECT_DOUBLE_EQ(polygon_area(contours[1].outer), 0);
}

TEST(PixelContours, ALineIsWalkedThereAndBack) {
  const auto contours = pixel_contours(mask_of({"....", "###.", "...#"}));
  ASSERT_EQ(contours.size(), 1U) << "tissue that touches at a corner is one";
  EXPECT_EQ(contours[0].outer.size(), 6U);
  EXPECT_DOUBLE_EQ(polygon_area(contours[0].outer), 0);
}

struct Reference {
  const char* file;
  double mpp;  ///< 0: the file's own
  std::int64_t tile_px;
  std::size_t regions;  ///< outer contours with an area
  double largest;       ///< net, in units of 512 x 512 level-0 pixels
};
class ClamContours : public testing::TestWithParam<Reference> {};

std::unique_ptr<io::Slide> open_sample(const char* file, double mpp) {
  io::SlideOptions options;
  if (mpp > 0) options.mpp = mpp;
  return io::open_slide(test::shared_dir() / "data/wsi" / file, options);
}

TEST_P(ClamContours, HaveOpenCvsNumberAndAreas) {
  const Reference& reference = GetParam();
  FOVEA_NEEDS_SHARED(std::string("data/wsi/") + reference.file);
  const auto slide = open_sample(reference.file, reference.mpp);
  TissueOptions options = clam_options("default", 0.5);
  options.clam.a_t = -1;  // contours of one pixel have no area
  const Tissue tissue = found(*slide, options);
  // A level whose downsample is no whole number is interpolated by OpenSlide between the blocks that we read: specks of
  // a few pixels differ.
  const double downsample = tissue.grid.frame.pixel_px;
  const double tolerance = downsample == std::round(downsample) ? 1 : 0.1 * static_cast<double>(reference.regions) + 1;
  EXPECT_NEAR(static_cast<double>(tissue.clam.size()), static_cast<double>(reference.regions), tolerance);
  const double unit_mm2 = std::pow(512 * slide->info().scale->mpp / 1000, 2);
  EXPECT_NEAR(tissue.largest_mm2 / unit_mm2, reference.largest, 0.01 * reference.largest);
}

INSTANTIATE_TEST_SUITE_P(Slides, ClamContours,
                         testing::Values(Reference{"CMU-1-Small-Region.svs", 0, 256, 80, 9.355},
                                         Reference{"TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs", 0.5, 256, 65, 38.12},
                                         Reference{"mosaic-40x-levels-1-4-16.svs", 0, 512, 15, 164.76},
                                         Reference{"cmu1-mosaic-dicom-3-levels", 0, 256, 6, 21.31},
                                         Reference{"hamamatsu-dapi-387.ndpi", 0, 256, 1, 71.5}));

struct Tiles {
  const char *file, *preset;
  std::int64_t tile_px;  ///< level-0 pixels
  std::int64_t tiles, first_x, first_y, last_x, last_y, sum;
};
class ClamTiles : public testing::TestWithParam<Tiles> {};

TEST_P(ClamTiles, AreClamsInItsOrder) {
  const Tiles& expected = GetParam();
  FOVEA_NEEDS_SHARED(std::string("data/wsi/") + expected.file);
  const auto slide = open_sample(expected.file, 0.5);
  const Tissue tissue = found(*slide, clam_options(expected.preset, 0.5));
  const ReadPlan plan = plan_reads(slide->info().levels, 0.5, {0.5, expected.tile_px, 0, false}, "slide");
  const TileGrid grid = select_tiles(slide->info(), plan, tissue, 0.1, "slide");
  ASSERT_EQ(grid.tiles(), expected.tiles);
  EXPECT_EQ(grid.coords[0], expected.first_x);
  EXPECT_EQ(grid.coords[1], expected.first_y);
  EXPECT_EQ(grid.coords[grid.coords.size() - 2], expected.last_x);
  EXPECT_EQ(grid.coords.back(), expected.last_y);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < grid.coords.size(); i += 2) sum += 3 * grid.coords[i] + 7 * grid.coords[i + 1];
  EXPECT_EQ(sum, expected.sum);
}

INSTANTIATE_TEST_SUITE_P(
    Slides, ClamTiles,
    testing::Values(Tiles{"CMU-1-Small-Region.svs", "bwh-biopsy", 256, 50, 320, 838, 1600, 2886, 747828},
                    Tiles{"mosaic-40x-levels-1-4-16.svs", "tcga", 512, 199, 0, 0, 8704, 6144, 7318528},
                    Tiles{"mosaic-40x-levels-1-4-16.svs", "bwh-resection", 512, 192, 0, 0, 8704, 6144, 7110656}));

TEST(ClamTissue, ThePitfallOfSmallSlidesIsSaidInClamsUnits) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  const auto slide = open_sample("CMU-1-Small-Region.svs", 0);
  try {
    found(*slide, clam_options("tcga", 0.499));
    FAIL() << "found tissue";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNoTissue);
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("9.36 of CLAM's units"), testing::HasSubstr("is 16"),
                                             testing::HasSubstr("--preset bwh-biopsy")));
  }
}

/// Tissue of 4096 px with a hole of 1500 px in it and a small one of 300 px.
PaintedSlide holed() {
  return PaintedSlide(8192, 8192, {1, 8}, 0.5, [](std::int64_t x, std::int64_t y) {
    const auto within = [&](std::int64_t x0, std::int64_t y0, std::int64_t edge) {
      return x >= x0 && y >= y0 && x < x0 + edge && y < y0 + edge;
    };
    return within(1024, 1024, 4096) && !within(2048, 2048, 1500) && !within(4200, 4200, 300) ? test::kTissue
                                                                                             : test::kGlass;
  });
}

TEST(ClamTissue, HolesAboveTheLimitStayOpenAndTheirTilesAreDropped) {
  const PaintedSlide slide = holed();
  TissueOptions options = clam_options("tcga", 0.5);  // holes from 4 units: 1024 x 1024 px
  const Tissue tissue = found(slide, options);
  ASSERT_EQ(tissue.clam.size(), 1U);
  EXPECT_EQ(tissue.clam[0].holes.size(), 1U);
  EXPECT_NEAR(tissue.area_mm2, (4096.0 * 4096 - 1500 * 1500) * 0.25e-6, 0.08);
  const ReadPlan plan = plan_reads(slide.info().levels, 0.5, {0.5, 256, 0, false}, "slide");
  const auto in_hole = [&](const TileGrid& grid) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < grid.coords.size(); i += 2)
      count += grid.coords[i] > 2100 && grid.coords[i] < 3200 && grid.coords[i + 1] > 2100 && grid.coords[i + 1] < 3200;
    return count;
  };
  EXPECT_EQ(in_hole(select_tiles(slide.info(), plan, tissue, 0.1, "slide")), 0);
  options.clam.max_n_holes = 0;
  EXPECT_GT(in_hole(select_tiles(slide.info(), plan, found(slide, options), 0.1, "slide")), 9);
}

TEST(TridentTissue, FindsStainedTissueAndFillsItsHoles) {
  const PaintedSlide slide = holed();
  TissueOptions options;
  options.method = "trident";
  const Tissue tissue = found(slide, options);
  ASSERT_EQ(tissue.regions.size(), 1U);
  EXPECT_EQ(tissue.regions[0].rings.size(), 1U);
  EXPECT_NEAR(tissue.area_mm2, 4096.0 * 4096 * 0.25e-6, 0.1);
}

TEST(TridentTissue, GreyAndBlackAreNoTissue) {
  const PaintedSlide slide(8192, 8192, {1}, 0.5, [](std::int64_t x, std::int64_t y) {
    if (x < 3000 && y < 3000) return test::kTissue;
    if (x > 5000 && y < 3000) return test::Rgb{120, 120, 120};
    if (x > 5000 && y > 5000) return test::Rgb{20, 10, 15};
    return test::kGlass;
  });
  TissueOptions options;
  options.method = "trident";
  EXPECT_NEAR(found(slide, options).area_mm2, 9e6 * 0.25e-6, 0.1);
}

TEST(TridentTissue, RealSlidesAgreeWithOtsuOfTheReadme) {
  FOVEA_NEEDS_SHARED("data/wsi/mosaic-40x-levels-1-4-16.svs");
  TissueOptions options;
  options.method = "trident";
  const Tissue tissue = found(*open_sample("mosaic-40x-levels-1-4-16.svs", 0), options);
  // Grey Otsu of the whole: 0.6101; windows of their own and filled holes add a little.
  EXPECT_NEAR(tissue.fraction_before_cleaning, 0.61, 0.08);
}

}  // namespace
}  // namespace fovea::pipeline::slide
