#include <fovea/io/file_lock.h>

#include <fstream>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

TEST(FileLock, OneHolderAtATimeAndNothingLeftBehind) {
  test::TemporaryFolder folder;
  {
    const auto first = io::FileLock::try_lock(folder / "a.lock");
    ASSERT_TRUE(first);
    EXPECT_FALSE(io::FileLock::try_lock(folder / "a.lock"));
    EXPECT_TRUE(io::FileLock::try_lock(folder / "b.lock"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_TRUE(io::FileLock::try_lock(folder / "a.lock"));
}

/// A process number that nobody has: a child's that has ended.
pid_t dead_process() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return child;
}

TEST(FileLock, AKilledHolderLetsGo) {
  test::TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto held = io::FileLock::try_lock(folder / "a.lock");
    [[maybe_unused]] const auto told = write(ready[1], held ? "y" : "n", 1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(io::FileLock::try_lock(folder / "a.lock"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::exists(folder / "a.lock")) << "it had no time to remove it";
  EXPECT_TRUE(io::FileLock::try_lock(folder / "a.lock"));
}

TEST(StaleTemporaries, OnlyThoseOfDeadProcessesThatNobodyHoldsGo) {
  test::TemporaryFolder folder;
  const std::string dead = std::to_string(dead_process()), own = std::to_string(getpid());
  const auto make = [&](const std::string& name) { std::ofstream(folder / name) << "x"; };
  make(".slide_1." + dead + "-0.tmp.h5"), make(".held." + dead + "-3.tmp.h5"), make(".slide_1." + own + "-0.tmp.h5");
  make("slide_1.h5"), make(".hidden"), make("notes." + dead + "-1.tmp.h5");
  EXPECT_EQ(io::remove_stale_temporaries(folder.path(), [](const std::string& stem) { return stem == "held"; }), 1);
  EXPECT_FALSE(fs::exists(folder / (".slide_1." + dead + "-0.tmp.h5")));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 5);
  EXPECT_EQ(io::remove_stale_temporaries(folder / "absent", [](const std::string&) { return false; }), 0);
}

}  // namespace
}  // namespace fovea
