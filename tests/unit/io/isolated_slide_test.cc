// Slides read in another process: the same pixels, and a crash is an error of one region. Damaged copies of the sample
// slides: whatever the decoders do, this process lives and every failure is a sentence. FOVEA_FUZZ=N tries N damaged
// copies of every slide instead of a few.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/slide.h>

#include "shared.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;
using testing::HasSubstr;

std::string read_error(const io::Slide& slide, std::int64_t x) {
  std::vector<std::uint8_t> rgb(3 * 4 * 4);
  try {
    slide.read_region(0, x, 0, 4, 4, rgb);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    return error.what();
  }
}

TEST(IsolatedSlide, HasTheSamePixelsAndInfo) {
  FOVEA_NEEDS_SHARED("data/wsi/CMU-1-Small-Region.svs");
  const fs::path path = test::shared_dir() / "data/wsi/CMU-1-Small-Region.svs";
  const auto here = io::open_slide(path), there = io::open_slide(path, {.mpp = {}, .isolated = true});
  EXPECT_EQ(there->info().vendor, here->info().vendor);
  EXPECT_EQ(there->info().identity, here->info().identity);
  EXPECT_DOUBLE_EQ(there->info().scale->mpp, here->info().scale->mpp);
  EXPECT_EQ(there->info().levels.front().tile_width, 240);
  for (const std::int64_t edge : {64, 700, 256}) {
    std::vector<std::uint8_t> a(static_cast<std::size_t>(3 * edge * edge)),
        b = a, c(static_cast<std::size_t>(edge * edge)), d = c;
    here->read_region(0, 1900, 300, edge, edge, a, c);  // the large one hangs over the edge
    there->read_region(0, 1900, 300, edge, edge, b, d);
    EXPECT_EQ(a, b);
    EXPECT_EQ(c, d);
  }
  EXPECT_DOUBLE_EQ(io::open_slide(path, {.mpp = 0.7, .isolated = true})->info().scale->mpp, 0.7);
}

TEST(IsolatedSlide, WhatCannotBeOpenedIsTheSameErrorAsWithout) {
  test::TemporaryFolder folder;
  std::ofstream(folder / "text.svs") << "no slide";
  for (const bool isolated : {false, true}) {
    try {
      io::open_slide(folder / "text.svs", {.mpp = {}, .isolated = isolated});
      FAIL() << "opened a text";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr("text.svs"));
    }
  }
}

class BadHelper : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("FOVEA_SLIDE_READER", FOVEA_CRASHING_READER, 1);
    std::ofstream(folder_ / "a.svs") << "x";
    std::ofstream(folder_ / "crash-at-open.svs") << "x";
  }
  void TearDown() override { ::unsetenv("FOVEA_SLIDE_READER"); }
  test::TemporaryFolder folder_;
};

TEST_F(BadHelper, ACrashIsAnErrorOfThatRegionAndTheNextOnesAreRead) {
  const auto slide = io::open_slide(folder_ / "a.svs", {.mpp = {}, .isolated = true});
  EXPECT_EQ(read_error(*slide, 50), "");
  EXPECT_THAT(read_error(*slide, 1),
              testing::AllOf(HasSubstr("a.svs"), HasSubstr("x 1, y 0"), HasSubstr("crashed with signal 11")));
  EXPECT_EQ(read_error(*slide, 51), "");
  EXPECT_THAT(read_error(*slide, 2), HasSubstr("crashed with signal 6"));
  EXPECT_THAT(read_error(*slide, 3), HasSubstr("ended with code 7"));
  EXPECT_THAT(read_error(*slide, 4), HasSubstr("this region is damaged"));
  EXPECT_EQ(read_error(*slide, 52), "");
}

TEST_F(BadHelper, ACrashWhileOpeningIsAnErrorOfTheSlide) {
  try {
    io::open_slide(folder_ / "crash-at-open.svs", {.mpp = {}, .isolated = true});
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("crash-at-open.svs"), HasSubstr("signal 11")));
  }
}

TEST_F(BadHelper, AMissingHelperIsSaid) {
  ::setenv("FOVEA_SLIDE_READER", "/nowhere/reader", 1);
  EXPECT_THROW(io::open_slide(folder_ / "a.svs", {.mpp = {}, .isolated = true}), Error);
}

// --- damaged slides ---

int copies() {
  const char* wanted = std::getenv("FOVEA_FUZZ");
  return wanted ? std::max(1, std::atoi(wanted)) : 6;
}

/// A copy with its end cut off, with flipped bits, or with both; damage is denser at the front, where headers are.
void damage(const fs::path& file, unsigned seed) {
  std::mt19937 random(seed);
  const auto size = static_cast<std::uint64_t>(fs::file_size(file));
  if (seed % 3 != 1) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    const int flips = 1 << random() % 8;
    for (int i = 0; i < flips; ++i) {
      const std::uint64_t range = random() % 2 == 0 ? std::min<std::uint64_t>(size, 4096) : size;
      const std::uint64_t at =
          random() % 4 == 0 ? size - 1 - random() % std::min<std::uint64_t>(size, 8192) : random() % range;
      stream.seekg(static_cast<std::streamoff>(at));
      const auto byte = static_cast<char>(stream.get() ^ (1 << random() % 8));
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(byte);
    }
  }
  if (seed % 3 != 0)
    fs::resize_file(file, random() % 3 == 0 ? random() % std::min<std::uint64_t>(size, 8192) : random() % size);
}

struct Outcomes {
  int good = 0, refused = 0, crashed = 0;
  std::vector<std::string> crashes;
};

/// Opens and reads a band through every level; whatever happens must be pixels or one clear sentence.
void try_slide(const fs::path& path, const std::string& what, Outcomes& outcomes) {
  try {
    const auto slide = io::open_slide(path, {.mpp = 0.5, .isolated = true});
    std::vector<std::uint8_t> rgb(3 * 300 * 300);
    for (int level = 0; level < static_cast<int>(slide->info().levels.size()); ++level) {
      const io::SlideLevel& entry = slide->info().levels[static_cast<std::size_t>(level)];
      for (int i = 0; i < 6; ++i)
        slide->read_region(
            level, static_cast<std::int64_t>(static_cast<double>(entry.width) * entry.downsample * i / 6),
            static_cast<std::int64_t>(static_cast<double>(entry.height) * entry.downsample * i / 6), 300, 300, rgb);
    }
    ++outcomes.good;
  } catch (const Error& error) {
    EXPECT_FALSE(error.remedy().empty()) << what << ": " << error.what();
    const std::string sentence = error.what();
    const bool crashed = sentence.find("the decoder ") != std::string::npos;
    crashed ? ++outcomes.crashed : ++outcomes.refused;
    if (crashed) outcomes.crashes.push_back(what + ": " + sentence);
  }
}

class DamagedSlides : public testing::TestWithParam<const char*> {};

TEST_P(DamagedSlides, EndAsPixelsOrAsASentence) {
  const std::string name = GetParam();
  FOVEA_NEEDS_SHARED("data/wsi/" + name);
  const fs::path original = test::shared_dir() / "data/wsi" / name;
  Outcomes outcomes;
  for (int i = 0; i < copies(); ++i) {
    test::TemporaryFolder folder;
    const fs::path copy = folder / original.filename().string();
    fs::copy(original, copy, fs::copy_options::recursive);
    fs::path target = copy;
    if (fs::is_directory(copy)) {
      std::vector<fs::path> files;
      for (const auto& entry : fs::directory_iterator(copy)) files.push_back(entry.path());
      std::sort(files.begin(), files.end());
      target = files[static_cast<std::size_t>(i) % files.size()];
    }
    fs::permissions(target, fs::perms::owner_all);
    damage(target, static_cast<unsigned>(i + 1));
    try_slide(copy, name + " seed " + std::to_string(i + 1), outcomes);
  }
  std::cout << name << ": " << outcomes.good << " read, " << outcomes.refused << " refused, " << outcomes.crashed
            << " crashed the decoder\n";
  for (const std::string& crash : outcomes.crashes) std::cout << "  " << crash << "\n";
  EXPECT_EQ(outcomes.good + outcomes.refused + outcomes.crashed, copies());
}

INSTANTIATE_TEST_SUITE_P(Samples, DamagedSlides,
                         testing::Values("CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs",
                                         "hamamatsu-dapi-387.ndpi", "mosaic-40x-levels-1-4-16.svs",
                                         "cmu1-small-region-dicom", "cmu1-mosaic-dicom-3-levels"));

}  // namespace
