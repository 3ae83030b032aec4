// Volumes decoded in another process: the same voxels and errors, and what kills the decoder is an error.
#include "volume/isolated_volume.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fovea/base/error.h>
#include <fovea/io/decode_apart.h>

#include "shared.h"
#include "wsi/slide_channel.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;
using testing::HasSubstr;

io::Volume some_volume() {
  io::Volume volume;
  volume.geometry.size = {20, 10, 6};
  volume.geometry.spacing_mm = {0.1 + 0.2, 1.0 / 3.0, 4};
  volume.geometry.origin_mm = {-12.345678901234567, 8, 24.8};
  for (int i = 0; i < 1200; ++i) volume.values.push_back(0.37f * static_cast<float>(i));
  return volume;
}

std::string message_of(const fs::path& path) {
  try {
    io::read_volume(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(VolumeApart, IsTheSameVolume) {
  test::TemporaryFolder folder;
  for (const char* name : {"a.nrrd", "a.nii.gz"}) {
    io::write_volume(folder / name, some_volume());
    const io::Volume here = io::read_volume(folder / name);
    const io::DecodeApart apart;
    const io::Volume there = io::read_volume(folder / name);
    EXPECT_EQ(there.geometry, here.geometry);
    EXPECT_EQ(there.values, here.values);
    EXPECT_EQ(there.content_hash, here.content_hash);
    EXPECT_EQ(there.notices, here.notices);
  }
}

TEST(VolumeApart, HasTheSameErrors) {
  test::TemporaryFolder folder;
  std::ofstream(folder / "text.nii") << "no volume";
  std::ofstream(folder / "huge.nrrd") << "NRRD0004\ntype: float\ndimension: 3\nsizes: 90000 90000 90000\n"
                                         "encoding: raw\nendian: little\n\n";
  for (const char* name : {"text.nii", "huge.nrrd", "missing.nii"}) {
    const std::string here = message_of(folder / name);
    EXPECT_THAT(here, HasSubstr(name));
    const io::DecodeApart apart;
    EXPECT_EQ(message_of(folder / name), here);
  }
}

TEST(VolumeApart, ACrashOfTheDecoderIsAnErrorOfTheFile) {
  test::TemporaryFolder folder;
  io::write_volume(folder / "a.nrrd", some_volume());
  ::setenv("FOVEA_SLIDE_READER", FOVEA_CRASHING_READER, 1);
  const io::DecodeApart apart;
  const std::string said = message_of(folder / "a.nrrd");
  ::unsetenv("FOVEA_SLIDE_READER");
  EXPECT_THAT(said, HasSubstr("a.nrrd: the volume cannot be read (the decoder crashed with signal 11)"));
}

TEST(VolumeApart, AnEndlessFileIsGivenUpEarly) {
  test::TemporaryFolder folder;
  io::write_volume(folder / "bomb.nii.gz", some_volume());
  // Another member of the same gzip stream: 3 GB that nobody promised.
  ASSERT_EQ(std::system(("head -c 50M /dev/zero | gzip -1 > '" + (folder / "zeros").string() + "'").c_str()), 0);
  std::ifstream zeros(folder / "zeros", std::ios::binary);
  const std::string member{std::istreambuf_iterator<char>(zeros), {}};
  std::ofstream bomb(folder / "bomb.nii.gz", std::ios::binary | std::ios::app);
  for (int i = 0; i < 60; ++i) bomb << member;
  bomb.close();
  const io::DecodeApart apart;
  EXPECT_THAT(message_of(folder / "bomb.nii.gz"), HasSubstr("goes on far beyond what its header promises"));
}

TEST(VolumeApart, TheDecoderHasItsLimits) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int code = io::serve_volume(sockets[1], -1);
    const auto most = [](auto what) {
      rlimit limits{};
      ::getrlimit(what, &limits);
      return limits.rlim_max;
    };
    const rlim_t bytes = rlim_t{1} << 20;
    const bool good = most(RLIMIT_DATA) == bytes + (rlim_t{2} << 30) && most(RLIMIT_FSIZE) == bytes &&
                      most(RLIMIT_CPU) == 600 && most(RLIMIT_CORE) == 0;
    ::_exit(good ? code : 9);
  }
  ::close(sockets[1]);
  const io::Channel channel(sockets[0]);
  channel.send_text(R"({"path":"/nowhere.nii","series":"","irregular":false,"max_bytes":1048576})");
  const auto answer = channel.receive_text(60'000);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(io::error_from_text(*answer)->code(), ErrorCode::kNotFound);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);  // it said why; 9: a limit is missing
}

}  // namespace
