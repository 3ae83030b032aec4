// A target is either the old file or the whole new one.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/hash.h>

#include "shared.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;

std::string text_of(const fs::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}
std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(AtomicFile, AFailedWriteKeepsTheOldFileAndLeavesNothing) {
  test::TemporaryFolder folder;
  io::write_file(folder / "a.txt", "old");
  EXPECT_THROW(io::write_with(folder / "a.txt",
                              [](const fs::path& temporary) {
                                std::ofstream(temporary) << "half";
                                throw std::runtime_error("broke");
                              }),
               Error);
  EXPECT_EQ(text_of(folder / "a.txt"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
  io::write_file(folder / "a.txt", "new");
  EXPECT_EQ(text_of(folder / "a.txt"), "new");
}

TEST(AtomicFile, TheTemporaryKeepsTheWholeExtension) {
  test::TemporaryFolder folder;
  for (const char* name : {"a.nii.gz", "b.seg.nrrd", "c.png"}) {
    const io::AtomicFile file(folder / name);
    const std::string end = std::string(name).substr(1);
    EXPECT_EQ(file.temporary().string().substr(file.temporary().string().size() - end.size()), end);
  }
  EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(AtomicFile, DevicesFoldersAndMissingFoldersAreRefused) {
  test::TemporaryFolder folder;
  EXPECT_THROW(io::write_file("/dev/full", "x"), Error);
  EXPECT_THROW(io::write_file(folder.path(), "x"), Error);
  EXPECT_THROW(io::write_file(folder / "no/such/a.txt", "x"), Error);
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(io::prepare_output_folder(folder / "file/below"), Error);
}

TEST(AtomicFile, LiveTemporariesCanBeDiscarded) {
  test::TemporaryFolder folder;
  const io::AtomicFile file(folder / "a.txt");
  EXPECT_EQ(entries(folder.path()), 1u);
  io::discard_live_temporaries();
  EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(Hash, IsSha256) {
  EXPECT_EQ(io::sha256(std::as_bytes(std::span<const char>("abc", 3))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
