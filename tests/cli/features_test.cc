// `slide features` as a user runs it: lists with bad rows, kills, full disks, two runs at once.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fovea/io/bag.h>
#include <fovea/io/image.h>

#include "encoder.h"
#include "program.h"
#include "shared.h"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

/// Glass with a patch of tissue whose pixels depend on `seed`; 0.5 um/px makes it one of a few tiles.
void tissue(const fs::path& path, int seed, int edge = 1024, bool stained = true) {
  io::Image image(edge, edge, 3, 245);
  for (int y = edge / 4; stained && y < 3 * edge / 4; ++y)
    for (int x = edge / 4; x < 3 * edge / 4; ++x) {
      image.at(x, y)[0] = static_cast<std::uint8_t>(150 + (x * seed) % 40);
      image.at(x, y)[1] = static_cast<std::uint8_t>(60 + (x + y * seed) % 40), image.at(x, y)[2] = 140;
    }
  io::write_png(path, image);
}

class Features : public testing::Test {
 protected:
  void SetUp() override {
    encoders_ = encoder_folder();
    if (encoders_.empty()) GTEST_SKIP() << "needs the encoder's checkpoint (./run deps)";
  }
  std::string command(const std::string& arguments) const {
    return "slide features " + arguments + " --quiet --no-previews";
  }
  ProgramResult run(const std::string& arguments, const std::string& prefix = "") const {
    return run_fovea(command(arguments), prefix + " FOVEA_ENCODERS='" + encoders_ + "'");
  }
  /// The program alone in a process of ours, so that it can be killed.
  pid_t start(const std::string& arguments) const {
    const pid_t child = fork();
    if (child != 0) return child;
    const std::string line =
        "exec env FOVEA_ENCODERS='" + encoders_ + "' '" + FOVEA_CLI + "' " + command(arguments) + " >/dev/null 2>&1";
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  std::string path(const std::string& name) const { return "'" + (folder_ / name).string() + "'"; }
  fs::path features(const std::string& out, const std::string& id) const {
    return folder_ / (out + "/20x_224px_0px_overlap/features_efficientnet_lite0/" + id + ".h5");
  }
  /// `count` slides and a list of them.
  void make_slides(int count, int edge = 1024) const {
    std::ofstream list(folder_ / "list.csv");
    list << "slide_id,path,mpp\n";
    for (int i = 0; i < count; ++i) {
      tissue(folder_ / ("s" + std::to_string(i) + ".png"), i + 1, edge);
      list << "s" << i << ",s" << i << ".png,0.5\n";
    }
  }
  std::string summary(const std::string& out) const { return file_text(folder_ / (out + "/summary.csv")); }

  TemporaryFolder folder_;
  std::string encoders_;
};

std::vector<float> rows_of(const fs::path& file) {
  return io::to_float(io::read_bag(file).features);
}
std::size_t files_below(const fs::path& folder, const std::string& part) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    count += entry.is_regular_file() && entry.path().filename().string().find(part) != std::string::npos;
  return count;
}

TEST_F(Features, EveryBadRowIsOneSentenceAndTheRestGoesOn) {
  make_slides(2);
  tissue(folder_ / "blank.png", 1, 1024, false);
  tissue(folder_ / "noscale.png", 1);
  std::ofstream(folder_ / "text.svs") << "this is no slide";
  std::ofstream(folder_ / "list.csv") << "slide_id,path,mpp,case_id,label\n"
                                         "001,s0.png,0.5,0007,yes\n"
                                         "missing,none.svs,0.5,,\n"
                                         "text,text.svs,0.5,,\n"
                                         "001,s1.png,0.5,,\n"
                                         "001,s0.png,0.5,,\n"
                                         "blank,blank.png,0.5,,\n"
                                         "noscale,noscale.png,,,\n"
                                         "002,s1.png,0.5,,no\n";
  const ProgramResult result = run("--list " + path("list.csv") + " --out " + path("out"));
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.out, HasSubstr("8 slides: 2 done, 1 no tissue, 5 failed"));
  const std::string table = summary("out");
  for (const char* row : {"2,001,0007,yes,done,", "3,missing,,,failed,0,0,0.00,", "4,text,,,failed,", "5,001,,,failed,",
                          "6,001,,,failed,", "7,blank,,,no tissue,0,0,", "8,noscale,,,failed,", "9,002,,no,done,"})
    EXPECT_THAT(table, HasSubstr(std::string("\n") + row));
  for (const char* words : {"there is no such slide", "no slide that can be read", "row 2 has the same name",
                            "it repeats row 2", "micrometres per pixel"})
    EXPECT_THAT(table, HasSubstr(words));
  EXPECT_EQ(io::read_bag(features("out", "blank")).features.shape, (std::vector<std::int64_t>{0, 1280}));
  EXPECT_GT(io::read_bag(features("out", "001")).features.shape[0], 0);

  const ProgramResult again = run("--list " + path("list.csv") + " --out " + path("out"));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.out, HasSubstr("2 already there, 1 no tissue, 5 failed"));
}

TEST_F(Features, ASlidesFeaturesAreThoseOfTheSlideAlone) {
  make_slides(3);
  ASSERT_EQ(run("--list " + path("list.csv") + " --out " + path("all")).exit_code, 0);
  ASSERT_EQ(run(path("s1.png") + " --slide-mpp 0.5 --batch 16 --out " + path("one")).exit_code, 0);
  EXPECT_EQ(rows_of(features("all", "s1")), rows_of(features("one", "s1")));
  EXPECT_NE(rows_of(features("all", "s0")), rows_of(features("one", "s1")));
}

TEST_F(Features, NothingButSlidesThatFailIsExitCode3) {
  EXPECT_EQ(run(path("absent.svs") + " --out " + path("out")).exit_code, 3);
}

TEST_F(Features, FilesOfOtherSettingsAreNotTakenAndNotReplacedUnasked) {
  make_slides(1);
  const std::string call = path("s0.png") + " --slide-mpp 0.5 --out " + path("out");
  ASSERT_EQ(run(call).exit_code, 0);
  const auto first = rows_of(features("out", "s0"));
  EXPECT_EQ(run(call + " --precision fp16").exit_code, 3);
  EXPECT_THAT(summary("out"), HasSubstr("has another precision. Pass --overwrite"));
  EXPECT_EQ(rows_of(features("out", "s0")), first);
  EXPECT_EQ(run(call + " --precision fp16 --overwrite").exit_code, 0);
  EXPECT_EQ(io::read_bag(features("out", "s0")).features.type, io::ElementType::kF16);
  fs::resize_file(features("out", "s0"), 3000);
  EXPECT_EQ(run(call).exit_code, 3);
  EXPECT_THAT(summary("out"), HasSubstr("is damaged. Pass --overwrite"));
}

TEST_F(Features, AMissingPtIsMadeFromTheFeaturesThatAreThere) {
  make_slides(1);
  const std::string call = path("s0.png") + " --slide-mpp 0.5 --format clam --out " + path("out");
  ASSERT_EQ(run(call).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "out/pt_files/s0.pt"));
  const ProgramResult again = run(call + " --pt");
  EXPECT_THAT(again.out, HasSubstr("1 already there"));
  EXPECT_EQ(rows_of(folder_ / "out/pt_files/s0.pt"), rows_of(folder_ / "out/h5_files/s0.h5"));
}

TEST_F(Features, KilledAtAnyMomentItLosesAtMostTheSlideInFlight) {
  make_slides(4);
  const std::string call = "--list " + path("list.csv") + " --out " + path("out");
  ASSERT_EQ(run("--list " + path("list.csv") + " --out " + path("whole")).exit_code, 0);
  for (const auto after : {150ms, 400ms, 600ms, 800ms, 1000ms}) {
    const pid_t child = start(call);
    std::this_thread::sleep_for(after);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (int i = 0; i < 4; ++i) {
      const fs::path file = features("out", "s" + std::to_string(i));
      if (fs::exists(file)) {
        EXPECT_EQ(rows_of(file), rows_of(features("whole", "s" + std::to_string(i)))) << "a half file";
      }
    }
  }
  const ProgramResult last = run(call);
  EXPECT_EQ(last.exit_code, 0) << last.err;
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(rows_of(features("out", "s" + std::to_string(i))), rows_of(features("whole", "s" + std::to_string(i))));
  EXPECT_EQ(files_below(folder_ / "out", ".tmp"), 0u) << "leftovers of the killed";
  EXPECT_EQ(files_below(folder_ / "out", ".lock"), 0u);
}

TEST_F(Features, TwoRunsAtOnceShareTheWorkAndHarmNothing) {
  make_slides(4);
  const std::string call = "--list " + path("list.csv") + " --out " + path("out");
  const pid_t other = start(call);
  const ProgramResult result = run(call);
  int status = 0;
  waitpid(other, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 2) << result.err;  // 2: the other was still at one
  EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2);
  for (int i = 0; i < 4; ++i) EXPECT_GT(rows_of(features("out", "s" + std::to_string(i))).size(), 0u);
  EXPECT_EQ(run(call).exit_code, 0);
}

TEST_F(Features, AWriteThatFailsCostsThatSlideAndLeavesNoHalfFile) {
  make_slides(1, 2048);  // more than the limit below
  tissue(folder_ / "small.png", 3);
  std::ofstream(folder_ / "list.csv") << "slide_id,path,mpp\nlarge,s0.png,0.5\nsmall,small.png,0.5\n";
  const ProgramResult result = run("--list " + path("list.csv") + " --isolate off --out " + path("out"),
                                   "ulimit -f 180;");  // blocks of 512 bytes
  EXPECT_EQ(result.exit_code, 2) << result.out << result.err;
  EXPECT_THAT(summary("out"), HasSubstr("large,,,failed"));
  EXPECT_THAT(summary("out"), HasSubstr("could not be written"));
  EXPECT_THAT(summary("out"), HasSubstr("small,,,done"));
  EXPECT_FALSE(fs::exists(features("out", "large")));
  EXPECT_EQ(files_below(folder_ / "out", ".tmp"), 0u);
}

TEST_F(Features, CtrlCEndsItWithinTwoSecondsAndTheNextRunGoesOn) {
  make_slides(6, 2048);
  const std::string call = "--list " + path("list.csv") + " --out " + path("out");
  const pid_t child = start(call);
  std::this_thread::sleep_for(1500ms);
  const auto signalled = std::chrono::steady_clock::now();
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - signalled, 2500ms);  // two seconds are promised
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_EQ(files_below(folder_ / "out", ".tmp"), 0u);
  EXPECT_EQ(files_below(folder_ / "out", ".lock"), 0u);
}

TEST_F(Features, CoordinatesOfEitherToolGiveTheSameFeaturesAsTheTilesTheyCameFrom) {
  make_slides(1, 1024);
  const std::string slide = path("s0.png") + " --slide-mpp 0.5 --tile 256 --out ";
  ASSERT_EQ(run(slide + path("trident")).exit_code, 0);
  ASSERT_EQ(run(slide + path("clam") + " --format clam").exit_code, 0);
  const auto wanted = rows_of(folder_ / "clam/h5_files/s0.h5");
  for (const std::string coords : {"clam", "trident/20x_256px_0px_overlap", "clam/patches"}) {
    const ProgramResult result = run(path("s0.png") + " --slide-mpp 0.5 --format clam --coords " + path(coords) +
                                     " --overwrite --out " + path("again"));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(rows_of(folder_ / "again/h5_files/s0.h5"), wanted) << coords;
  }
  EXPECT_EQ(
      run(path("s0.png") + " --slide-mpp 0.5 --tile 224 --coords " + path("clam") + " --out " + path("bad")).exit_code,
      3);
  EXPECT_THAT(summary("bad"), HasSubstr("tiles of 256 px"));
}

}  // namespace
}  // namespace fovea::test
