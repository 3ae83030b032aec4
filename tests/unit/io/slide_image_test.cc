// Slides and images: what the README of data/wsi states, odd files, resizing, exports.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/attention_export.h>
#include <fovea/io/attention_file.h>
#include <fovea/io/bag.h>
#include <fovea/io/colormap.h>
#include <fovea/io/image.h>
#include <fovea/io/slide.h>
#include <fovea/io/weights.h>

#include "core/hdf5_handle.h"
#include "shared.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;
using testing::HasSubstr;

fs::path wsi(const std::string& name) {
  return test::shared_dir() / "data/wsi" / name;
}

TEST(Slide, ReadsWhatItsHeaderSays) {
  FOVEA_NEEDS_SHARED("data/wsi/mosaic-40x-levels-1-4-16.svs");
  const auto slide = io::open_slide(wsi("mosaic-40x-levels-1-4-16.svs"));
  EXPECT_EQ(slide->info().vendor, "aperio");
  ASSERT_EQ(slide->info().levels.size(), 3u);
  EXPECT_EQ(slide->info().levels[0].width, 8886);
  EXPECT_NEAR(slide->info().levels[1].downsample, 4.0010, 1e-3);
  EXPECT_DOUBLE_EQ(slide->info().scale->mpp, 0.25);
  EXPECT_EQ(slide->info().objective_power, 40);
}

TEST(Slide, WithoutScaleItSaysSoAndTheUsersValueWins) {
  FOVEA_NEEDS_SHARED("data/wsi/TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs");
  const auto path = wsi("TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs");
  EXPECT_FALSE(io::open_slide(path)->info().scale);
  EXPECT_THAT(io::open_slide(path)->info().scale_tried, testing::Contains("openslide.mpp-x"));
  const auto given = io::open_slide(path, {0.5});
  EXPECT_DOUBLE_EQ(given->info().scale->mpp, 0.5);
  EXPECT_EQ(given->info().scale->source, "user");
}

TEST(Slide, AGivenScaleThatContradictsTheSlideIsUsedButSaid) {
  FOVEA_NEEDS_SHARED("data/wsi/mosaic-40x-levels-1-4-16.svs");
  const auto path = wsi("mosaic-40x-levels-1-4-16.svs");
  const auto given = io::open_slide(path, {0.5});
  EXPECT_DOUBLE_EQ(given->info().scale->mpp, 0.5);
  EXPECT_THAT(given->info().notices, testing::Contains(testing::HasSubstr("the slide tells 0.25")));
  EXPECT_THAT(io::open_slide(path, {0.26})->info().notices,
              testing::Not(testing::Contains(testing::HasSubstr("tells"))));
}

TEST(Slide, DicomFolderAndMemberAreTheSvsPixelForPixel) {
  FOVEA_NEEDS_SHARED("data/wsi/cmu1-small-region-dicom");
  if (io::openslide_version()[0] < '4') GTEST_SKIP() << "DICOM needs OpenSlide 4, this is " << io::openslide_version();
  const auto svs = io::open_slide(wsi("CMU-1-Small-Region.svs")),
             dicom = io::open_slide(wsi("cmu1-small-region-dicom"));
  EXPECT_NEAR(dicom->info().scale->mpp, 0.499, 1e-6);
  std::vector<std::uint8_t> a(3 * 300 * 200), b(a.size());
  for (const auto& [x, y] : {std::pair{0, 0}, {1000, 1500}, {2100, 2900}}) {  // the last one overhangs
    svs->read_region(0, x, y, 300, 200, a);
    dicom->read_region(0, x, y, 300, 200, b);
    EXPECT_EQ(a, b) << x << " " << y;
  }
}

TEST(Slide, OutsideIsBackgroundAndNotOpaque) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  const auto slide = io::open_slide(wsi("CMU-1-Small-Region.svs"));
  std::vector<std::uint8_t> rgb(3 * 64), opaque(64);
  slide->read_region(0, -8, 100, 16, 4, rgb, opaque);
  EXPECT_EQ(opaque[0], 0);
  EXPECT_EQ(rgb[0], 255);
  EXPECT_EQ(opaque[15], 255);
}

TEST(Slide, ATruncatedSlideFailsWithOneSentence) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  test::TemporaryFolder folder;
  fs::copy_file(wsi("CMU-1-Small-Region.svs"), folder / "cut.svs");
  fs::resize_file(folder / "cut.svs", 1'000'000);
  try {
    const auto slide = io::open_slide(folder / "cut.svs");
    std::vector<std::uint8_t> rgb(3 * 2000 * 2900);
    slide->read_region(0, 0, 0, 2000, 2900, rgb);
    FAIL() << "a cut slide was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cut.svs"));
    EXPECT_FALSE(error.remedy().empty());
  }
}

TEST(Slide, APlainImageIsOneLevelWithoutScale) {
  test::TemporaryFolder folder;
  io::Image image(40, 30, 3, 200);
  image.at(5, 6)[1] = 17;
  io::write_png(folder / "a.png", image);
  const auto slide = io::open_slide(folder / "a.png");
  EXPECT_EQ(slide->info().vendor, "plain image");
  EXPECT_FALSE(slide->info().scale);
  std::vector<std::uint8_t> rgb(3);
  slide->read_region(0, 5, 6, 1, 1, rgb);
  EXPECT_THAT(rgb, testing::ElementsAre(200, 17, 200));
}

TEST(Image, PngRoundTripIsExactInEveryKind) {
  test::TemporaryFolder folder;
  for (int channels : {1, 3, 4}) {
    io::Image image(17, 9, channels);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 37);
    io::write_png(folder / "x.png", image);
    const io::Image back = io::read_image(folder / "x.png");
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

TEST(Image, TooManyPixelsAreRefusedBeforeDecoding) {
  test::TemporaryFolder folder;
  io::write_png(folder / "x.png", io::Image(100, 100, 1));
  EXPECT_THROW(io::read_image(folder / "x.png", 9999), Error);
}

TEST(Resize, KeepsConstantsAveragesWholeFactorsAndFollowsARamp) {
  for (int size : {224, 128, 100, 300}) {
    const io::Image flat = io::resize(io::Image(257, 257, 3, 119), size, size);
    for (std::uint8_t value : flat.pixels) ASSERT_EQ(value, 119);
  }
  io::Image checks(4, 2, 1);
  checks.pixels = {0, 100, 200, 40, 100, 200, 0, 0};
  EXPECT_THAT(io::resize(checks, 2, 1).pixels, testing::ElementsAre(100, 60));
  io::Image ramp(300, 4, 1);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 300; ++x) *ramp.at(x, y) = static_cast<std::uint8_t>(x * 200 / 299);
  const io::Image small = io::resize(ramp, 131, 4);
  for (int x = 5; x < 126; ++x) EXPECT_NEAR(*small.at(x, 2), ((x + 0.5) * 300 / 131 - 0.5) * 200 / 299, 1.6) << x;
}

TEST(Resize, PowersOfTwoAreTheRoundedMeansOfSquares) {
  std::mt19937 random(11);
  for (const int channels : {1, 3, 4}) {
    io::Image image(48, 32, channels);
    for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random());
    for (const int factor : {2, 4, 8}) {
      const io::Image small = io::resize(image, 48 / factor, 32 / factor);
      for (int y = 0; y < small.height; ++y)
        for (int x = 0; x < small.width; ++x)
          for (int c = 0; c < channels; ++c) {
            double sum = 0;
            for (int dy = 0; dy < factor; ++dy)
              for (int dx = 0; dx < factor; ++dx) sum += image.at(x * factor + dx, y * factor + dy)[c];
            ASSERT_EQ(small.at(x, y)[c], std::floor(sum / (factor * factor) + 0.5)) << x << " " << y << " " << factor;
          }
    }
  }
}

TEST(Colour, MapsEndWhereTheyShouldAndGrowLighter) {
  EXPECT_EQ(io::colour("viridis", 0), (io::Rgb{0x44, 0x01, 0x54}));
  EXPECT_EQ(io::colour("viridis", 2), io::colour("viridis", 1));
  EXPECT_EQ(io::colour("viridis", NAN), io::colour("viridis", 0));
  EXPECT_THROW(io::colour("rainbow", 0), Error);
  for (const char* map : {"viridis", "magma", "cividis"})
    for (int i = 8; i < 256; i += 8) {
      const auto a = io::colour(map, (i - 8) / 255.0), b = io::colour(map, i / 255.0);
      EXPECT_GT(0.2126 * b[0] + 0.7152 * b[1] + 0.0722 * b[2], 0.2126 * a[0] + 0.7152 * a[1] + 0.0722 * a[2])
          << map << " " << i;
    }
}

TEST(Export, GeoJsonIsValidDeterministicAndHasNoNan) {
  test::TemporaryFolder folder;
  const std::vector<std::int64_t> coords{0, 0, 512, 0};
  const std::vector<float> raw{1, std::nanf("")}, soft{0.25f, 0.75f}, value{0.5f, 1.f};
  const io::TileAttention tiles{coords, 512, raw, soft, value, "attention_percentile", 1};
  const std::vector<io::TissueRegion> tissue{{{{{0, 0}, {10, 0}, {10, 10}, {0, 0}}}, 0.2}};
  for (const char* name : {"a.geojson", "b.geojson"}) io::write_geojson(folder / name, tiles, tissue);
  std::ifstream a(folder / "a.geojson"), b(folder / "b.geojson");
  const auto json = nlohmann::json::parse(a);
  EXPECT_EQ(json, nlohmann::json::parse(b));
  ASSERT_EQ(json["features"].size(), 3u);
  EXPECT_EQ(json["features"][0]["properties"]["objectType"], "annotation");
  EXPECT_EQ(json["features"][1]["properties"]["objectType"], "tile");
  EXPECT_EQ(json["features"][1]["geometry"]["coordinates"][0].size(), 5u);
  EXPECT_EQ(json["features"][1]["id"].get<std::string>().size(), 36u);
  EXPECT_FLOAT_EQ(json["features"][2]["properties"]["measurements"]["attention"].get<float>(), 0.75f);
}

TEST(Export, AttentionH5HoldsWhatItWasGiven) {
  test::TemporaryFolder folder;
  const std::vector<std::int64_t> coords{0, 0, 512, 0, 0, 512};
  const std::vector<float> raw{1, 2, 3, 4, 5, 6}, soft{.1f, .2f, .7f, .3f, .3f, .4f}, value{0, .5f, 1};
  io::write_attention_h5(folder / "a.h5", {coords, 512, raw, soft, value, "attention_percentile", 2});
  const auto file = io::h5::open_file(folder / "a.h5");
  EXPECT_THAT(io::h5::shape_of(file, "attention_raw"), testing::ElementsAre(2, 3));
  EXPECT_EQ(io::to_float(io::h5::read_dataset(file, "attention_softmax")), soft);
  EXPECT_EQ(io::to_int64(io::h5::read_dataset(file, "coords")), coords);
  const io::AttentionFile read = io::read_attention_h5(folder / "a.h5");
  EXPECT_EQ(read.coords, coords);
  EXPECT_EQ(read.softmax, soft);
  EXPECT_EQ(read.value, value);
  EXPECT_EQ(read.branches, 2);
  EXPECT_EQ(read.footprint_px, 512);
  EXPECT_EQ(read.value_name, "attention_percentile");
}

TEST(Export, AttentionOfAnotherFileIsRefused) {
  FOVEA_NEEDS_SHARED("data/mil/layouts");
  EXPECT_THROW(io::read_attention_h5(test::shared_dir() / "data/mil/layouts/clam/h5_files/slide_000.h5"), Error);
}

// --- bags ---

TEST(Bag, ClamTridentAndTensorFilesOfOneSlideAgree) {
  FOVEA_NEEDS_SHARED("data/mil/layouts");
  const fs::path layouts = test::shared_dir() / "data/mil/layouts";
  const auto clam = io::read_bag(layouts / "clam/h5_files/slide_000.h5"),
             pt = io::read_bag(layouts / "clam/pt_files/slide_000.pt");
  const auto trident = io::read_bag(layouts / "trident/20x_256px_0px_overlap/features_digits64/slide_000.h5");
  EXPECT_EQ(io::to_float(clam.features), io::to_float(pt.features));
  EXPECT_EQ(io::to_float(clam.features), io::to_float(trident.features));
  // The same tiles, laid out as 256 px of a 20x slide (CLAM) and as 512 level-0 px of a 40x slide (TRIDENT).
  ASSERT_EQ(clam.coords.size(), trident.coords.size());
  for (std::size_t i = 0; i < clam.coords.size(); ++i) ASSERT_EQ(2 * clam.coords[i], trident.coords[i]) << i;
  EXPECT_GT(trident.geometry.footprint_px, 0);
  EXPECT_FALSE(trident.encoder.empty());
}

TEST(Bag, AnEmptySlideIsABagOfNoTiles) {
  FOVEA_NEEDS_SHARED("data/mil/layouts");
  const auto bag = io::read_bag(test::shared_dir() /
                                "data/mil/layouts/trident/20x_256px_0px_overlap/features_digits64/empty_slide.h5");
  EXPECT_EQ(bag.features.shape[0], 0);
}

TEST(Bag, AFileOfManyBagsAsksForOne) {
  FOVEA_NEEDS_SHARED("data/mil/digits_mil/digits_mil2.h5");
  const fs::path path = test::shared_dir() / "data/mil/digits_mil/digits_mil2.h5";
  const auto names = io::list_bags(path);
  EXPECT_EQ(names.size(), 300u);
  EXPECT_THROW(io::read_bag(path), Error);
  const auto bag = io::read_bag(path, names[3]);
  EXPECT_EQ(bag.features.shape[1], 64);
  EXPECT_TRUE(bag.label.has_value());
  EXPECT_EQ(static_cast<std::int64_t>(bag.instance_labels.size()), bag.features.shape[0]);
}

TEST(Bag, WrittenInEitherLayoutItReadsBackTheSame) {
  test::TemporaryFolder folder;
  io::FeatureBag bag;
  const std::vector<float> features{1, 2, 3, 4, 5, 6};
  bag.features = io::make_array<float>(features, {3, 2});
  bag.coords = {0, 0, 512, 0, 0, 512};
  bag.encoder = "some_encoder";
  bag.geometry = {512, 0.25, 0.5, 256, 0, 512, 9000, 7000};
  for (const auto layout : {io::BagLayout::kTrident, io::BagLayout::kClam}) {
    io::write_bag(folder / "b.h5", bag, layout);
    const auto back = io::read_bag(folder / "b.h5");
    EXPECT_EQ(io::to_float(back.features), features);
    EXPECT_EQ(back.coords, bag.coords);
    io::write_patches(folder / "p.h5", bag, layout);
    EXPECT_EQ(io::read_patches(folder / "p.h5").coords, bag.coords);
    EXPECT_NEAR(io::read_patches(folder / "p.h5").geometry.footprint_px, 512, 1);
  }
  io::write_bag(folder / "t.h5", bag, io::BagLayout::kTrident);
  EXPECT_EQ(io::read_bag(folder / "t.h5").encoder, "some_encoder");
  EXPECT_DOUBLE_EQ(*io::read_bag(folder / "t.h5").geometry.mpp_level0, 0.25);
}

TEST(Bag, ASlideEmbeddingAndDisagreeingCoordinatesAreRefused) {
  test::TemporaryFolder folder;
  io::write_safetensors(folder / "v.safetensors",
                        {{"features", io::make_array<float>(std::vector<float>(8, 1.f), {8})}}, {});
  EXPECT_THROW(io::read_bag(folder / "v.safetensors"), Error);
  io::write_safetensors(folder / "c.safetensors",
                        {{"features", io::make_array<float>(std::vector<float>(8, 1.f), {4, 2})},
                         {"coords", io::make_array<std::int64_t>(std::vector<std::int64_t>(6, 1), {3, 2})}},
                        {});
  EXPECT_THROW(io::read_bag(folder / "c.safetensors"), Error);
}

TEST(Bag, NumpyArraysReadAndATruncatedOneIsRefused) {
  test::TemporaryFolder folder;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(117, ' ');
  header += '\n';
  const float values[] = {1, 2, 3, 4, 5, 6};
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + std::string("\x76\x00", 2) + header +
                      std::string(reinterpret_cast<const char*>(values), sizeof values);
  std::ofstream(folder / "a.npy", std::ios::binary) << bytes;
  EXPECT_THAT(io::to_float(io::read_bag(folder / "a.npy").features), testing::ElementsAre(1, 2, 3, 4, 5, 6));
  std::ofstream(folder / "cut.npy", std::ios::binary) << bytes.substr(0, bytes.size() - 3);
  EXPECT_THROW(io::read_bag(folder / "cut.npy"), Error);
}

}  // namespace
