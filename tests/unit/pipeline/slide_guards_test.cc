// Artefacts drawn on real tissue, and the picture that shows what was kept.
#include "slide/guards.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "shared.h"
#include "slide/preview.h"
#include "slide/tile_grid.h"
#include "slide_support.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kTile = 256;

/// A real slide with something drawn on it, or looked at through an unfocused lens.
class MarkedSlide final : public io::Slide {
 public:
  using Draw = std::function<void(std::int64_t x, std::int64_t y, std::uint8_t* rgb)>;
  MarkedSlide(std::unique_ptr<io::Slide> real, Draw draw) : real_(std::move(real)), draw_(std::move(draw)) {}
  const io::SlideInfo& info() const override { return real_->info(); }
  void read_region(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                   std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const override {
    if (x0 == unreadable_x && width == kTile)
      throw Error(ErrorCode::kCorrupt, "slide", "level 0 cannot be read", "Copy it again.");
    real_->read_region(level, x0, y0, width, height, rgb, opaque);
    for (std::int64_t i = 0; i < width * height; ++i) draw_(x0 + i % width, y0 + i / width, rgb.data() + 3 * i);
  }
  std::int64_t unreadable_x = -1;

 private:
  std::unique_ptr<io::Slide> real_;
  Draw draw_;
};

std::unique_ptr<io::Slide> sample() {
  return io::open_slide(test::shared_dir() / "data/wsi/CMU-1-Small-Region.svs", {0.5});
}

struct Kept {
  GuardCounts counts;
  std::vector<std::int64_t> coords;
  std::int64_t before = 0;
};

Kept guarded(const io::Slide& slide, const std::string& guards, bool read_all = false) {
  const ReadPlan plan = plan_reads(slide.info().levels, 0.5, {0.5, kTile, 0, false}, "slide");
  Tissue all;
  Kept kept;
  kept.coords = select_tiles(slide.info(), plan, all, 0, "slide").coords;
  kept.before = static_cast<std::int64_t>(kept.coords.size() / 2);
  kept.counts = apply_guards(slide, plan, parse_guards(guards), read_all, {}, kept.coords);
  return kept;
}

void paint(std::uint8_t* rgb, test::Rgb colour) {
  std::copy(colour.begin(), colour.end(), rgb);
}

TEST(Guards, ACleanSlideLosesNothing) {
  FOVEA_NEEDS_SHARED("data/wsi");
  for (const char* file : {"CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs"}) {
    const auto slide = io::open_slide(test::shared_dir() / "data/wsi" / file, {0.5});
    const Kept kept = guarded(*slide, "pen,black,blur");
    EXPECT_EQ(static_cast<std::int64_t>(kept.coords.size() / 2), kept.before)
        << file << ": pen " << kept.counts.pen << ", black " << kept.counts.black << ", blur " << kept.counts.blur;
  }
}

TEST(Guards, PenStrokesTakeTheTilesTheyCross) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  // A vertical stroke of 100 px (50 um) in the fourth column of tiles.
  for (const test::Rgb& ink : {test::Rgb{20, 120, 60}, {30, 70, 190}, {0, 130, 160}, {210, 20, 25}}) {
    const MarkedSlide slide(sample(), [&](std::int64_t x, std::int64_t, std::uint8_t* rgb) {
      if (x >= 850 && x < 950) paint(rgb, ink);
    });
    const Kept kept = guarded(slide, "pen,black");
    EXPECT_EQ(kept.counts.pen, 12) << int{ink[0]} << " " << int{ink[1]} << " " << int{ink[2]};
    EXPECT_EQ(kept.counts.black, 0);
    for (std::size_t i = 0; i < kept.coords.size(); i += 2) EXPECT_NE(kept.coords[i], 768);
    EXPECT_EQ(guarded(slide, "black").counts.pen, 0) << "not asked for";
  }
}

TEST(Guards, ABlackEdgeIsNoTissue) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  const MarkedSlide slide(sample(), [](std::int64_t x, std::int64_t y, std::uint8_t* rgb) {
    if (y < 400 && x < 1200) paint(rgb, {28, 12, 20});  // saturated: the tissue rule takes it
  });
  const Kept kept = guarded(slide, "pen,black");
  EXPECT_EQ(kept.counts.black, 10) << "two rows of five columns; the half of a column at the edge has enough too";
  EXPECT_EQ(kept.counts.pen, 0);
}

TEST(Guards, ABlurredScanIsCountedOnlyWhereItIsAskedFor) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  // Out of focus: every pixel is the mean of 16 x 16 around it, read from the real slide once.
  const auto real = sample();
  const io::SlideLevel level = real->info().levels.front();
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * level.width * level.height));
  real->read_region(0, 0, 0, level.width, level.height, pixels);
  io::Image whole(static_cast<int>(level.width), static_cast<int>(level.height), 3);
  whole.pixels = pixels;
  const io::Image small = io::resize(whole, whole.width / 8, whole.height / 8);
  const io::Image blurred = io::resize(small, whole.width, whole.height);
  const MarkedSlide slide(sample(), [&](std::int64_t x, std::int64_t y, std::uint8_t* rgb) {
    if (x >= 0 && y >= 0 && x < blurred.width && y < blurred.height)
      std::copy_n(blurred.at(static_cast<int>(x), static_cast<int>(y)), 3, rgb);
  });
  const Kept kept = guarded(slide, "blur");
  EXPECT_GT(kept.counts.blur, 30) << "most tiles with tissue";
  EXPECT_EQ(guarded(slide, "pen,black").counts.blur, 0);
}

TEST(Guards, TilesThatCannotBeReadAreDroppedAndCounted) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  MarkedSlide slide(sample(), [](std::int64_t, std::int64_t, std::uint8_t*) {});
  slide.unreadable_x = 512;
  const Kept kept = guarded(slide, "none", true);
  EXPECT_EQ(kept.counts.unreadable, 12);
  EXPECT_EQ(static_cast<std::int64_t>(kept.coords.size() / 2), kept.before - 12);
  EXPECT_EQ(guarded(slide, "none").counts.unreadable, 0) << "nothing is read when nothing is asked for";
}

TEST(Guards, NamesAreChecked) {
  EXPECT_TRUE(parse_guards("blur,pen").blur);
  EXPECT_FALSE(parse_guards("none").any());
  EXPECT_FALSE(parse_guards("").any());
  EXPECT_THROW(parse_guards("pens"), Error);
  EXPECT_THROW(parse_guards("pen,none"), Error);
}

TEST(Guards, SharpnessIsTheVarianceOfTheLaplacian) {
  io::Image flat(16, 16, 3, 100), glass(16, 16, 3, 240), points(16, 16, 3, 100);
  EXPECT_DOUBLE_EQ(sharpness(flat), 0);
  EXPECT_LT(sharpness(glass), 0) << "not judged";
  for (int y = 1; y < 16; y += 2)
    for (int x = 1; x < 16; x += 2) paint(points.at(x, y), {140, 140, 140});
  EXPECT_GT(sharpness(points), 1000);
}

TEST(Preview, ShowsTilesAndOutlinesAtMostTwoThousandPixelsWide) {
  FOVEA_NEEDS_SHARED("data/wsi/mosaic-40x-levels-1-4-16.svs");
  const test::TemporaryFolder folder;
  const auto slide = io::open_slide(test::shared_dir() / "data/wsi/mosaic-40x-levels-1-4-16.svs");
  const Tissue tissue = find_tissue(*slide, 0.25, {}, {}, "slide");
  const std::vector<std::int64_t> coords{2048, 2048, 2560, 2048};
  write_preview(folder / "a.jpg", *slide, 0.25, tissue, coords, 512, {});
  const io::Image with = io::read_image(folder / "a.jpg");
  EXPECT_LE(std::max(with.width, with.height), kPreviewEdge);
  write_preview(folder / "b.jpg", *slide, 0.25, tissue, {}, 512, {});
  const io::Image without = io::read_image(folder / "b.jpg");
  const auto change = [&](double level0_x, double level0_y) {
    const double scale = static_cast<double>(with.width) / 8886;
    const int x = static_cast<int>(level0_x * scale), y = static_cast<int>(level0_y * scale);
    return std::abs(*with.at(x, y) - *without.at(x, y));
  };
  EXPECT_GT(change(2304, 2304), 8) << "red fades below the tint";
  EXPECT_LT(change(3500, 3500), 4);
}

}  // namespace
}  // namespace fovea::pipeline::slide
