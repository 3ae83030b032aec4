// Bags written row by row, and the layouts that users have on disk.
#include <cstdlib>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fovea/base/error.h>
#include <fovea/io/bag_writer.h>
#include <fovea/io/torch_tensor.h>
#include <fovea/io/weights.h>

#include "core/hdf5_rows.h"
#include "shared.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> counted(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25f;
  return values;
}

io::BagHeader header(std::int64_t width, std::int64_t rows) {
  io::BagHeader header;
  header.geometry = {512, 0.25, 0.5, 256, 0, 512, 9000, 7000, 1};
  header.encoder = "some_encoder", header.slide = "0042", header.width = width, header.expected_rows = rows;
  header.attributes = {{"overlap", "32"}, {"encoder_sha256", "abc"}};
  return header;
}

/// 100 rows in pieces that do not fit the chunks.
void write_in_pieces(io::BagWriter& writer, const std::vector<float>& values, std::int64_t width) {
  const std::int64_t rows = static_cast<std::int64_t>(values.size()) / width;
  for (std::int64_t first = 0; first < rows; first += 7) {
    const std::int64_t count = std::min<std::int64_t>(7, rows - first);
    std::vector<std::int64_t> coords;
    for (std::int64_t i = first; i < first + count; ++i) coords.push_back(512 * i), coords.push_back(i);
    const std::span<const float> piece(values.data() + first * width, static_cast<std::size_t>(count * width));
    writer.append(io::make_array<float>(piece, {count, width}), coords);
  }
}

TEST(BagWriter, RowsThatComeInPiecesMakeTheWholeBagInEitherLayout) {
  test::TemporaryFolder folder;
  const std::vector<float> values = counted(100 * 6);
  for (const auto layout : {io::BagLayout::kTrident, io::BagLayout::kClam}) {
    fs::remove(folder / "a.h5");
    io::BagWriter writer(folder / "a.h5", header(6, 100), layout);
    write_in_pieces(writer, values, 6);
    EXPECT_FALSE(fs::exists(folder / "a.h5")) << "a name before the end";
    writer.finish({{"unreadable_tiles", "3"}});
    writer.commit();
    const io::FeatureBag bag = io::read_bag(folder / "a.h5");
    EXPECT_EQ(io::to_float(bag.features), values);
    ASSERT_EQ(bag.coords.size(), 200u);
    EXPECT_EQ(bag.coords[2 * 99], 512 * 99);
    EXPECT_EQ(bag.encoder, "some_encoder");
    EXPECT_EQ(bag.slide, "0042");
    EXPECT_EQ(bag.attributes.at("unreadable_tiles"), "3");
    EXPECT_EQ(bag.attributes.at("encoder_sha256"), "abc");
    EXPECT_EQ(bag.attributes.at("overlap"), "32");
    EXPECT_EQ(bag.attributes.at("complete_rows"), "100");
    EXPECT_DOUBLE_EQ(bag.geometry.mpp_target.value(), 0.5);
    const io::FeatureBag head = io::read_bag_header(folder / "a.h5");
    EXPECT_THAT(head.features.shape, ElementsAre(100, 6));
    EXPECT_TRUE(head.coords.empty());
  }
}

TEST(BagWriter, ClamsDataSetsHaveClamsTypesAndNoAttributes) {
  test::TemporaryFolder folder;
  io::BagWriter writer(folder / "a.h5", header(6, 100), io::BagLayout::kClam);
  write_in_pieces(writer, counted(100 * 6), 6);
  writer.finish(), writer.commit();
  const io::h5::Handle file = io::h5::open_file(folder / "a.h5");
  EXPECT_EQ(io::h5::read_rows(file, "coords", 0, 1).type, io::ElementType::kI32);
  EXPECT_TRUE(io::h5::attributes(file, "features").empty());
  EXPECT_TRUE(io::h5::attributes(file, "coords").empty());
}

TEST(BagWriter, AnAbandonedBagLeavesNothing) {
  test::TemporaryFolder folder;
  {
    io::BagWriter writer(folder / "a.h5", header(6, 100), io::BagLayout::kTrident);
    write_in_pieces(writer, counted(100 * 6), 6);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(BagWriter, HalfPrecisionStaysHalf) {
  test::TemporaryFolder folder;
  io::FeatureBag bag;
  const std::vector<std::uint16_t> halves{0x3c00, 0x4000, 0xc000, 0x3800};  // 1, 2, -2, 0.5
  bag.features = {io::ElementType::kF16, {2, 2}, std::as_bytes(std::span(halves)), nullptr};
  bag.coords = {0, 0, 1, 1};
  io::write_bag(folder / "h.h5", bag, io::BagLayout::kTrident);
  const io::FeatureBag back = io::read_bag(folder / "h.h5");
  EXPECT_EQ(back.features.type, io::ElementType::kF16);
  EXPECT_THAT(io::to_float(back.features), ElementsAre(1, 2, -2, 0.5));
  io::write_pt_of_bag(folder / "h.h5", folder / "h.pt");
  EXPECT_THAT(io::to_float(io::read_bag(folder / "h.pt").features), ElementsAre(1, 2, -2, 0.5));
}

TEST(BagWriter, ASlideWithoutTissueKeepsItsWidth) {
  test::TemporaryFolder folder;
  io::BagWriter writer(folder / "e.h5", header(6, 0), io::BagLayout::kTrident);
  writer.finish();
  writer.write_pt(folder / "e.pt");
  writer.commit();
  EXPECT_THAT(io::read_bag(folder / "e.h5").features.shape, ElementsAre(0, 6));
  EXPECT_THAT(io::read_bag(folder / "e.pt").features.shape, ElementsAre(0, 6));
  EXPECT_THAT(io::h5::shape_of(io::h5::open_file(folder / "e.h5"), "coords"), ElementsAre(0, 2));
}

TEST(TorchTensor, LargerThanOnePieceItReadsBackTheSame) {
  test::TemporaryFolder folder;
  const std::int64_t rows = 5000, width = 300;  // 6 MB
  const std::vector<float> values = counted(rows * width);
  std::int64_t calls = 0;
  io::write_torch_tensor(folder / "t.pt", rows, width, [&](std::int64_t first, std::int64_t count) {
    ++calls;
    return std::span<const float>(values.data() + first * width, static_cast<std::size_t>(count * width));
  });
  EXPECT_GT(calls, 1);
  EXPECT_EQ(io::to_float(io::read_bag(folder / "t.pt").features), values);
}

/// Runs `work` in a child whose files may not grow beyond `bytes`: what a full disk does, without one. Returns its exit
/// code, or 128 + signal.
int with_small_files(rlim_t bytes, const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
    exit(work());  // with the library's own end
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(BagWriter, ADiskThatTakesNoMoreIsAnErrorAndNotACrash) {
  test::TemporaryFolder folder;
  for (const std::int64_t rows : {50, 3000}) {  // refused while closing, and while writing
    const int code = with_small_files(4000, [&] {
      try {
        io::BagWriter writer(folder / "a.h5", header(300, rows), io::BagLayout::kTrident);
        write_in_pieces(writer, counted(300 * rows), 300);
        writer.finish();
        writer.commit();
      } catch (const Error& error) {
        return error.code() == ErrorCode::kWriteFailed ? 7 : 1;
      }
      return 0;
    });
    EXPECT_EQ(code, 7);
    EXPECT_TRUE(fs::is_empty(folder.path()));
  }
}

TEST(TorchTensor, ADiskThatTakesNoMoreLeavesNothing) {
  test::TemporaryFolder folder;
  const std::vector<float> values = counted(3000);
  const int code = with_small_files(4000, [&] {
    try {
      io::write_torch_tensor(folder / "t.pt", 3000, 1, [&](std::int64_t first, std::int64_t count) {
        return std::span<const float>(values).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
      });
    } catch (const Error& error) {
      return error.code() == ErrorCode::kWriteFailed ? 7 : 1;
    }
    return 0;
  });
  EXPECT_EQ(code, 7);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// --- layouts ---

void write_npy(const fs::path& path, const std::string& type, const std::string& shape, const void* data,
               std::size_t bytes) {
  fs::create_directories(path.parent_path());
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(117, ' ');
  std::ofstream(path, std::ios::binary) << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header << '\n'
                                        << std::string(static_cast<const char*>(data), bytes);
}

TEST(Bag, TorchmilsFoldersGiveCoordinatesAndLabels) {
  test::TemporaryFolder folder;
  const float features[] = {1, 2, 3, 4, 5, 6};
  const double coords[] = {10, 20, 30, 40, 50, 60};
  const std::int64_t label[] = {1}, patches[] = {0, 1, 1};
  write_npy(folder / "features/a.npy", "<f4", "(3, 2)", features, sizeof features);
  write_npy(folder / "coords/a.npy", "<f8", "(3, 2)", coords, sizeof coords);
  write_npy(folder / "labels/a.npy", "<i8", "()", label, sizeof label);
  write_npy(folder / "patch_labels/a.npy", "<i8", "(3,)", patches, sizeof patches);
  const io::FeatureBag bag = io::read_bag(folder / "features/a.npy");
  EXPECT_THAT(bag.coords, ElementsAre(10, 20, 30, 40, 50, 60));
  EXPECT_EQ(bag.label.value(), 1);
  EXPECT_THAT(bag.instance_labels, ElementsAre(0, 1, 1));
}

TEST(Bag, CoordinatesOfAnotherCountThanTheFeaturesAreRefused) {
  test::TemporaryFolder folder;
  const float features[] = {1, 2, 3, 4, 5, 6};
  const std::int64_t coords[] = {10, 20, 30, 40};
  write_npy(folder / "features/a.npy", "<f4", "(3, 2)", features, sizeof features);
  write_npy(folder / "coords/a.npy", "<i8", "(2, 2)", coords, sizeof coords);
  EXPECT_THROW(io::read_bag(folder / "features/a.npy"), Error);
}

template <class Make>
fs::path hdf5(const fs::path& path, Make make) {
  const io::h5::Handle file = io::h5::create_file(path);
  make(file);
  return path;
}
std::string message_of(const fs::path& path, const std::optional<std::string>& key = {}) {
  try {
    io::read_bag(path, key);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Bag, WhatIsNoBagOfTilesIsSaidToBeWhatItIs) {
  test::TemporaryFolder folder;
  const auto vector = hdf5(folder / "slide_features.h5", [](hid_t file) {
    io::h5::write_dataset(file, "features", io::make_array<float>(counted(768), {768}), 768);
  });
  EXPECT_THAT(message_of(vector), HasSubstr("one vector of 768 values (a slide embedding)"));
  const auto pictures = hdf5(folder / "imgs.h5", [](hid_t file) {
    io::h5::write_dataset(file, "imgs", io::make_array<std::uint8_t>(std::vector<std::uint8_t>(12), {1, 2, 2, 3}), 1);
  });
  EXPECT_THAT(message_of(pictures), HasSubstr("image patches"));
  const auto words = hdf5(folder / "words.h5", [](hid_t file) {
    io::h5::write_dataset(file, "features", io::make_array<std::int32_t>(std::vector<std::int32_t>(6), {3, 2}), 3);
  });
  EXPECT_THAT(message_of(words), HasSubstr("not floating-point"));
  const auto empty = hdf5(folder / "empty.h5", [](hid_t file) {
    io::h5::write_dataset(file, "features", io::make_array<float>(std::vector<float>(), {0}), 1);
  });
  EXPECT_THAT(io::read_bag(empty).features.shape, ElementsAre(0, 0));
  const auto single = hdf5(folder / "single.h5", [](hid_t file) {
    io::h5::write_dataset(file, "features", io::make_array<float>(counted(6), {3, 2}), 3);
  });
  EXPECT_THAT(message_of(single, "slide"), HasSubstr("one bag"));
}

TEST(Patches, CoordinatesThatAreNoPairsAreRefused) {
  test::TemporaryFolder folder;
  const auto odd = hdf5(folder / "p.h5", [](hid_t file) {
    io::h5::write_dataset(file, "coords", io::make_array<std::int64_t>(std::vector<std::int64_t>(9), {3, 3}), 3);
  });
  EXPECT_THROW(io::read_patches(odd), Error);
}

TEST(Patches, ClamsLevelAndDownsampleSurviveTheTrip) {
  test::TemporaryFolder folder;
  io::FeatureBag bag;
  bag.coords = {0, 0, 1024, 0};
  bag.geometry = {1024.256, 0.25, 1.00025, 256, 1, 256, 8886, 7134, 4.0010};
  io::write_patches(folder / "p.h5", bag, io::BagLayout::kClam);
  const io::BagGeometry back = io::read_patches(folder / "p.h5").geometry;
  EXPECT_EQ(back.level, 1);
  EXPECT_EQ(back.read_px, 256);
  EXPECT_DOUBLE_EQ(back.level_downsample, 4.0010);
  EXPECT_EQ(back.footprint_px, 1024);  // CLAM's own arithmetic: patch_size * int(downsample)
}

}  // namespace
}  // namespace fovea
