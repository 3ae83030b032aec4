// Stored JPEG tiles decoded without OpenSlide: the same pixels, in every corner, for every kind of file that is taken.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include <fovea/base/error.h>
#include <fovea/io/slide.h>

#include "shared.h"
#include "wsi/jpeg_decoder.h"
#include "wsi/jpeg_tiles.h"
#include "wsi/tile_cache.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;

struct Region {
  std::int64_t x, y, width, height;  // in pixels of the level
};

/// Corners, borders, whole tiles, straddling ones, and a few by chance.
std::vector<Region> regions_of(const io::SlideLevel& level) {
  const std::int64_t w = level.width, h = level.height, tw = level.tile_width, th = level.tile_height;
  std::vector<Region> regions{{0, 0, tw, th},           {tw, th, tw, th},          {tw / 2, th / 3, tw, th},
                              {-7, -9, 40, 50},         {w - 13, h - 11, 64, 64},  {w - 1, 0, 5, 5},
                              {w + 10, h + 10, 30, 30}, {0, 0, 2 * tw + 5, th + 3}};
  std::mt19937 random(static_cast<unsigned>(w * 31 + h));
  for (int i = 0; i < 12; ++i) {
    const auto between = [&](std::int64_t limit) { return static_cast<std::int64_t>(random() % (limit + 1)); };
    regions.push_back({between(w), between(h), 1 + between(300), 1 + between(300)});
  }
  return regions;
}

struct Pixels {
  std::vector<std::uint8_t> rgb, opaque;
  bool operator==(const Pixels&) const = default;
};

Pixels empty_pixels(const Region& region) {
  const auto count = static_cast<std::size_t>(region.width * region.height);
  return {std::vector<std::uint8_t>(3 * count, 77), std::vector<std::uint8_t>(count, 77)};
}

/// Reads every region of every level that is taken both ways; returns the number of levels that were.
int compare(const fs::path& path) {
  const auto composed = io::open_slide(path, {.mpp = {}, .direct_tiles = false});
  const auto& levels = composed->info().levels;
  const auto tiles = io::JpegTiles::open(path, levels);
  if (!tiles) return 0;
  int taken = 0;
  for (int level = 0; level < static_cast<int>(levels.size()); ++level) {
    if (!tiles->has(level)) continue;
    ++taken;
    const double downsample = levels[static_cast<std::size_t>(level)].downsample;
    for (const Region& region : regions_of(levels[static_cast<std::size_t>(level)])) {
      const double x0 = static_cast<double>(region.x) * downsample, y0 = static_cast<double>(region.y) * downsample;
      // A place of the level that is no whole pixel of level 0 cannot be asked for exactly.
      if (std::abs(x0 - std::round(x0)) > 1e-4 || std::abs(y0 - std::round(y0)) > 1e-4) continue;
      Pixels ours = empty_pixels(region), theirs = empty_pixels(region);
      EXPECT_TRUE(tiles->read(level, region.x, region.y, region.width, region.height, composed->info().background,
                              ours.rgb, ours.opaque));
      composed->read_region(level, std::llround(x0), std::llround(y0), region.width, region.height, theirs.rgb,
                            theirs.opaque);
      EXPECT_TRUE(ours == theirs) << path.filename() << " level " << level << ": " << region.width << " x "
                                  << region.height << " at " << region.x << ", " << region.y;
    }
  }
  return taken;
}

struct TiffKind {
  std::uint16_t photometric, subsampling;
  std::uint32_t tile;
};

/// Two levels of a smooth picture with noise, 333 x 277 pixels: no edge is a multiple of a tile.
void write_pyramid(const fs::path& path, const TiffKind& kind) {
  std::unique_ptr<TIFF, decltype(&TIFFClose)> tiff(TIFFOpen(path.c_str(), "w"), TIFFClose);
  std::mt19937 random(5);
  for (int level = 0; level < 2; ++level) {
    const std::uint32_t width = level == 0 ? 332 : 166, height = level == 0 ? 276 : 138;
    TIFFSetField(tiff.get(), TIFFTAG_SUBFILETYPE, level == 0 ? 0 : FILETYPE_REDUCEDIMAGE);
    TIFFSetField(tiff.get(), TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tiff.get(), TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(tiff.get(), TIFFTAG_TILEWIDTH, kind.tile);
    TIFFSetField(tiff.get(), TIFFTAG_TILELENGTH, kind.tile);
    TIFFSetField(tiff.get(), TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(tiff.get(), TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff.get(), TIFFTAG_COMPRESSION, COMPRESSION_JPEG);
    TIFFSetField(tiff.get(), TIFFTAG_PHOTOMETRIC, kind.photometric);
    if (kind.photometric == PHOTOMETRIC_YCBCR) {
      TIFFSetField(tiff.get(), TIFFTAG_YCBCRSUBSAMPLING, kind.subsampling, kind.subsampling);
      TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    std::vector<std::uint8_t> tile(3 * kind.tile * kind.tile);
    for (std::uint32_t y = 0; y < height; y += kind.tile)
      for (std::uint32_t x = 0; x < width; x += kind.tile) {
        for (std::size_t i = 0; i < tile.size(); ++i) {
          const double across = static_cast<double>(x + i / 3 % kind.tile),
                       down = static_cast<double>(y + i / 3 / kind.tile);
          tile[i] = static_cast<std::uint8_t>(128 + 60 * std::sin(across / 9 + static_cast<double>(i % 3)) +
                                              40 * std::cos(down / 13) + random() % 16);
        }
        ASSERT_GT(TIFFWriteTile(tiff.get(), tile.data(), x, y, 0, 0), 0);
      }
    ASSERT_EQ(TIFFWriteDirectory(tiff.get()), 1);
  }
}

class MadePyramids : public testing::TestWithParam<TiffKind> {};

TEST_P(MadePyramids, HaveOpenSlidesPixels) {
  test::TemporaryFolder folder;
  write_pyramid(folder / "made.tif", GetParam());
  EXPECT_EQ(compare(folder / "made.tif"), 2);
}

INSTANTIATE_TEST_SUITE_P(Kinds, MadePyramids,
                         testing::Values(TiffKind{PHOTOMETRIC_YCBCR, 2, 64}, TiffKind{PHOTOMETRIC_YCBCR, 1, 64},
                                         TiffKind{PHOTOMETRIC_RGB, 1, 48}, TiffKind{PHOTOMETRIC_YCBCR, 2, 112},
                                         TiffKind{PHOTOMETRIC_YCBCR, 2, 512}));

TEST(JpegTiles, SampleSlidesHaveOpenSlidesPixels) {
  FOVEA_NEEDS_SHARED("data/wsi");
  const fs::path wsi = test::shared_dir() / "data/wsi";
  EXPECT_EQ(compare(wsi / "CMU-1-Small-Region.svs"), 1);
  EXPECT_GE(compare(wsi / "mosaic-40x-levels-1-4-16.svs"), 1);
  EXPECT_EQ(compare(wsi / "TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs"), 0) << "JPEG 2000 is OpenSlide's";
}

TEST(JpegTiles, TheSlideTakesThemAndManyThreadsReadTheSame) {
  test::TemporaryFolder folder;
  write_pyramid(folder / "made.tif", {PHOTOMETRIC_YCBCR, 2, 64});
  const auto direct = io::open_slide(folder / "made.tif"),
             composed = io::open_slide(folder / "made.tif", {.mpp = {}, .direct_tiles = false});
  std::vector<std::thread> threads;
  std::vector<int> different(4, 0);
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const Region region{(i * 53 + static_cast<int>(t) * 31) % 300, i * 29 % 250, 70, 70};
        Pixels a = empty_pixels(region), b = a;
        direct->read_region(0, region.x, region.y, 70, 70, a.rgb, a.opaque);
        composed->read_region(0, region.x, region.y, 70, 70, b.rgb, b.opaque);
        different[t] += a != b;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(different, testing::Each(0));
}

TEST(JpegTiles, ADamagedTileIsLeftToOpenSlideWhichSaysWhere) {
  test::TemporaryFolder folder;
  write_pyramid(folder / "made.tif", {PHOTOMETRIC_YCBCR, 2, 64});
  const auto levels = io::open_slide(folder / "made.tif")->info().levels;
  const auto stored = io::find_jpeg_levels(folder / "made.tif", levels);
  ASSERT_TRUE(stored[0]);
  {
    std::fstream file(folder / "made.tif", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(stored[0]->offsets[3] + stored[0]->bytes[3] / 2));
    file << std::string(stored[0]->bytes[3] / 2, '\xff');
  }
  const auto slide = io::open_slide(folder / "made.tif");
  std::vector<std::uint8_t> rgb(3 * 64 * 64);
  for (int i = 0; i < 3; ++i) slide->read_region(0, 64 * i, 0, 64, 64, rgb);
  try {
    slide->read_region(0, 64 * 3, 0, 64, 64, rgb);
    FAIL() << "a damaged tile was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(error.what(), testing::HasSubstr("x 192, y 0"));
  }
  slide->read_region(0, 0, 64, 64, 64, rgb);  // the others go on
}

TEST(JpegTiles, AMissingTileIsWhatOpenSlideMakesOfIt) {
  test::TemporaryFolder folder;
  write_pyramid(folder / "made.tif", {PHOTOMETRIC_YCBCR, 2, 64});
  io::SlideInfo info = io::open_slide(folder / "made.tif")->info();
  const auto stored = io::find_jpeg_levels(folder / "made.tif", info.levels);
  // The directory holds the tile sizes as a table: the entry of tile 2 becomes 0.
  std::string bytes;
  {
    std::ifstream file(folder / "made.tif", std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::string table;
  for (const std::uint64_t count : stored[0]->bytes) {
    const auto narrow = static_cast<std::uint32_t>(count);
    table.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
  }
  const std::size_t at = bytes.find(table);
  if (at == std::string::npos) GTEST_SKIP() << "this libtiff stores tile sizes in another width";
  bytes.replace(at + 8, 4, std::string(4, '\0'));
  std::ofstream(folder / "gap.tif", std::ios::binary) << bytes;
  const auto direct = io::open_slide(folder / "gap.tif"),
             composed = io::open_slide(folder / "gap.tif", {.mpp = {}, .direct_tiles = false});
  for (int i = 0; i < 4; ++i) {
    Pixels a = empty_pixels({0, 0, 64, 64}), b = a;
    direct->read_region(0, 64 * i, 0, 64, 64, a.rgb, a.opaque);
    composed->read_region(0, 64 * i, 0, 64, 64, b.rgb, b.opaque);
    EXPECT_EQ(a, b) << i;
  }
}

TEST(TileCache, HoldsNoMoreThanItsBytesAndDropsTheOldest) {
  io::TileCache cache(1000);
  const auto tile = [] { return std::make_shared<const std::vector<std::uint8_t>>(300); };
  for (std::uint64_t key : {1, 2, 3}) cache.put(key, tile());
  EXPECT_TRUE(cache.get(1));
  cache.put(4, tile());
  EXPECT_FALSE(cache.get(2));
  EXPECT_TRUE(cache.get(1) && cache.get(3) && cache.get(4));
  EXPECT_EQ(cache.bytes(), 900U);
}

TEST(JpegDecoder, GoesOnAfterDamagedData) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  const fs::path path = test::shared_dir() / "data/wsi/CMU-1-Small-Region.svs";
  const auto stored = io::find_jpeg_levels(path, io::open_slide(path)->info().levels);
  ASSERT_TRUE(stored[0]);
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> data(stored[0]->bytes[5]), rgb(3 * 240 * 240);
  file.seekg(static_cast<std::streamoff>(stored[0]->offsets[5]));
  file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size()));
  io::JpegDecoder decoder;
  const auto decode = [&](std::span<const std::uint8_t> bytes, int width) {
    return decoder.decode(stored[0]->tables, bytes, stored[0]->ycbcr, width, 240, rgb.data(), 3 * 240);
  };
  EXPECT_TRUE(decode(data, 240));
  const auto good = rgb;
  EXPECT_FALSE(decode(data, 200)) << "another size than the directory says";
  EXPECT_FALSE(decode(std::span(data).first(data.size() / 2), 240));
  EXPECT_FALSE(decode({}, 240));
  EXPECT_TRUE(decode(data, 240));
  EXPECT_EQ(rgb, good);
}

}  // namespace
