// Leases: one holder at a time, whatever happens to it.
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/lease.h"
#include "shared.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::TemporaryFolder;

std::size_t leases_in(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) count += entry.path().extension() == ".lease";
  return count;
}

/// A lease of another machine whose last sign of life was `seconds` ago.
void foreign_lease(const fs::path& file, double seconds) {
  std::ofstream(file) << R"({"machine":"another","process":1,"birth":"1","token":"x","seconds":30})";
  fs::last_write_time(
      file, fs::file_time_type::clock::now() - std::chrono::milliseconds(static_cast<std::int64_t>(1000 * seconds)));
}

TEST(BatchLease, OneHolderAtATimeAndNothingLeftBehind) {
  TemporaryFolder folder;
  LeaseFolder first(folder.path(), 60s), second(folder.path(), 60s);
  {
    const auto lease = first.take("a");
    ASSERT_TRUE(lease);
    EXPECT_TRUE(lease->still_ours());
    EXPECT_FALSE(second.take("a"));
    EXPECT_FALSE(first.take("a"));
    EXPECT_TRUE(second.take("a.1")) << "another case, though its name begins alike";
    EXPECT_EQ(second.held(), 1u);
  }
  EXPECT_EQ(leases_in(folder.path()), 0u);
  EXPECT_TRUE(second.take("a"));
}

TEST(BatchLease, AKilledHolderIsReplacedAtOnce) {
  TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    LeaseFolder leases(folder.path(), 3600s);
    const auto lease = leases.take("a");
    _exit(lease ? 0 : 1);  // no destructor runs, as after SIGKILL
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(leases_in(folder.path()), 1u);
  LeaseFolder leases(folder.path(), 3600s);
  EXPECT_TRUE(leases.take("a"));
  EXPECT_EQ(leases_in(folder.path()), 0u) << "the dead one's lease goes with ours";
}

TEST(BatchLease, AnotherMachinesLeaseCountsUntilItExpires) {
  TemporaryFolder folder;
  LeaseFolder leases(folder.path(), 60s);
  foreign_lease(folder / "fresh.0.lease", 10);
  foreign_lease(folder / "silent.4.lease", 31);
  std::ofstream(folder / "begun.0.lease");  // made this moment, not yet written
  EXPECT_FALSE(leases.take("fresh"));
  EXPECT_FALSE(leases.take("begun"));
  EXPECT_TRUE(leases.take("silent"));
}

TEST(BatchLease, WhoSleptTooLongLearnsThatItLost) {
  TemporaryFolder folder;
  LeaseFolder leases(folder.path(), 400ms);
  const auto lease = leases.take("a");
  ASSERT_TRUE(lease);
  foreign_lease(folder / "a.1.lease", 0);  // another took the next turn
  EXPECT_FALSE(lease->still_ours());
  for (int i = 0; i < 100 && !lease->lost().stop_requested(); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(lease->lost().stop_requested());
}

TEST(BatchLease, AHeldLeaseIsKeptAliveForLongerThanItLasts) {
  TemporaryFolder folder;
  LeaseFolder leases(folder.path(), 1s);
  const auto lease = leases.take("a");
  ASSERT_TRUE(lease);
  const fs::path file = folder / "a.0.lease";
  const auto made = fs::last_write_time(file);
  std::this_thread::sleep_for(1500ms);
  EXPECT_GT(fs::last_write_time(file), made + 700ms);
  EXPECT_TRUE(lease->still_ours());
}

TEST(BatchLease, ManyProcessesNeverHoldItTogether) {
  TemporaryFolder folder;
  auto* inside =
      static_cast<std::atomic<int>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::atomic<int>&holders = inside[0], &taken = inside[1], &together = inside[2];
  foreign_lease(folder / "a.7.lease", 100);  // and a dead one to fight over
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    LeaseFolder leases(folder.path(), 60s);
    const auto end = std::chrono::steady_clock::now() + 1s;
    while (std::chrono::steady_clock::now() < end) {
      const auto lease = leases.take("a");
      if (!lease) continue;
      if (++holders != 1) ++together;
      ++taken;
      usleep(300);
      --holders;
    }
    _exit(0);
  }
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  EXPECT_GT(taken.load(), 20);
  EXPECT_EQ(together.load(), 0);
  munmap(inside, 4096);
}

}  // namespace
}  // namespace fovea::pipeline::batch
