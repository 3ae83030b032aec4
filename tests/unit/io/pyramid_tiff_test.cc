// Score maps as slides: what is written is what OpenSlide shows, level by level.
#include <fovea/io/pyramid_tiff.h>

#include <unistd.h>

#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/slide.h>

namespace {

using namespace fovea;
namespace fs = std::filesystem;

class PyramidTiff : public testing::Test {
 protected:
  PyramidTiff() : folder_(fs::temp_directory_path() / ("fovea_pyramid_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~PyramidTiff() override { fs::remove_all(folder_); }
  fs::path folder_;
};

io::Image pattern(int width, int y0, int rows, int channels) {
  io::Image image(width, rows, channels);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(1 + (x / 8 * 7 + (y0 + y) / 8 * 13 + c * 50) % 255);
  return image;
}

TEST_F(PyramidTiff, OpenSlideReadsEveryLevelAndTheScale) {
  for (const int channels : {1, 3}) {
    io::write_pyramid_tiff(folder_ / "map.tif", {1000, 700, channels, 4.0, "attention"},
                           [&](int y, int rows) { return pattern(1000, y, rows, channels); });
    const auto slide = io::open_slide(folder_ / "map.tif");
    const auto& levels = slide->info().levels;
    ASSERT_EQ(levels.size(), 3U) << "1000 x 700, 500 x 350, 250 x 175";
    EXPECT_EQ(levels[2].width, 250);
    EXPECT_EQ(levels[2].height, 175);
    ASSERT_TRUE(slide->info().scale);
    EXPECT_NEAR(slide->info().scale->mpp, 4.0, 1e-4);
    const io::Image whole = pattern(1000, 0, 700, channels);
    for (const auto& [x, y] : {std::pair{0, 0}, std::pair{255, 256}, std::pair{993, 695}}) {
      std::vector<std::uint8_t> rgb(3);
      slide->read_region(0, x, y, 1, 1, rgb);
      for (int c = 0; c < 3; ++c)
        EXPECT_EQ(rgb[static_cast<std::size_t>(c)], whole.at(x, y)[channels == 1 ? 0 : c]) << x << "," << y;
      // Blocks of 8 equal pixels stay what they are when halved.
      slide->read_region(1, x / 8 * 8, y / 8 * 8, 1, 1, rgb);
      EXPECT_EQ(rgb[0], whole.at(x, y)[0]);
    }
  }
}

TEST_F(PyramidTiff, PixelsWithoutValueDoNotDarkenTheirNeighbours) {
  io::write_pyramid_tiff(folder_ / "map.tif", {512, 512, 1, 0, ""}, [](int y, int rows) {
    io::Image band(512, rows, 1);
    for (int row = 0; row < rows; ++row)
      for (int x = 0; x < 512; x += 2) *band.at(x, row) = (y + row) % 2 == 0 ? 200 : 0;
    return band;
  });
  const auto slide = io::open_slide(folder_ / "map.tif", {1.0});
  std::vector<std::uint8_t> rgb(3);
  slide->read_region(1, 100, 100, 1, 1, rgb);
  EXPECT_EQ(rgb[0], 200) << "one of four pixels holds a value: it is the value";
}

TEST_F(PyramidTiff, AMapThatFitsIntoATileHasOneLevel) {
  io::write_pyramid_tiff(folder_ / "map.tif", {10, 7, 3, 8, ""},
                         [](int y, int rows) { return pattern(10, y, rows, 3); });
  EXPECT_EQ(io::open_slide(folder_ / "map.tif")->info().levels.size(), 1U);
}

TEST_F(PyramidTiff, AFailureLeavesNoFile) {
  EXPECT_THROW(io::write_pyramid_tiff(folder_ / "map.tif", {600, 600, 1, 0, ""},
                                      [](int, int) -> io::Image { throw Error(ErrorCode::kCancelled, "", "stop"); }),
               Error);
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
