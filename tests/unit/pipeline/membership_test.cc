// Which of several processes this one is, as torchrun and srun say it.
#include "train/membership.h"

#include <cstdlib>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

namespace {

using namespace fovea;
using namespace fovea::pipeline::train;
using testing::HasSubstr;
using testing::Not;

class MembershipTest : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void set(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  }
  static std::string problem() {
    try {
      membership_of_environment();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      return error.what();
    }
    return "none";
  }

 private:
  static void clear() {
    for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "SLURM_STEP_ID", "SLURM_PROCID",
                             "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_STEP_NODELIST", "SLURM_JOB_ID",
                             "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"})
      unsetenv(name);
  }
};

TEST_F(MembershipTest, TorchrunSaysItInFourVariables) {
  set({{"RANK", "2"},
       {"WORLD_SIZE", "4"},
       {"MASTER_ADDR", "node1"},
       {"MASTER_PORT", "29500"},
       {"SLURM_STEP_ID", "0"},
       {"SLURM_PROCID", "1"},
       {"SLURM_STEP_NUM_TASKS", "9"}});
  const Membership m = membership_of_environment();
  EXPECT_EQ(m.rank, 2);
  EXPECT_EQ(m.count, 4);
  EXPECT_EQ(m.address, "node1");
  EXPECT_EQ(m.port, 29500);
  EXPECT_EQ(m.kept_by_launcher, "");
  // Its agent keeps the store, and keeps it over restarts of the processes.
  set({{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "1"}});
  EXPECT_THAT(membership_of_environment().kept_by_launcher, HasSubstr("1"));
}

TEST_F(MembershipTest, SrunSaysItInItsOwn) {
  set({{"SLURM_STEP_ID", "3"},
       {"SLURM_PROCID", "5"},
       {"SLURM_STEP_NUM_TASKS", "8"},
       {"SLURM_JOB_ID", "4711"},
       {"SLURM_STEP_NODELIST", "gpu[03-05,9],cpu1"}});
  const Membership m = membership_of_environment();
  EXPECT_EQ(m.rank, 5);
  EXPECT_EQ(m.count, 8);
  EXPECT_EQ(m.address, "gpu03");
  EXPECT_GE(m.port, 1024);
  EXPECT_LT(m.port, 32768) << "a port that Linux gives to connections";
  set({{"SLURM_STEP_ID", "4"}});
  EXPECT_NE(membership_of_environment().port, m.port) << "two steps of one job";
  set({{"MASTER_PORT", "29501"}});
  EXPECT_EQ(membership_of_environment().port, 29501);
}

TEST_F(MembershipTest, EverythingMissingOrWrongIsInOneSentence) {
  set({{"WORLD_SIZE", "2"}, {"RANK", "2"}, {"MASTER_PORT", "70000"}});
  const std::string text = problem();
  for (const char* part : {"RANK is '2'", "from 0 to 1", "MASTER_PORT is '70000'", "MASTER_ADDR is not set"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("WORLD_SIZE is")));
  set({{"RANK", "-1"}});
  EXPECT_THAT(problem(), HasSubstr("RANK is '-1'"));
}

TEST(FirstNode, IsTheFirstOfSlurmsLists) {
  EXPECT_EQ(first_node("cpu1"), "cpu1");
  EXPECT_EQ(first_node("cpu1,gpu[1-3]"), "cpu1");
  EXPECT_EQ(first_node("gpu[03-05,9],cpu1"), "gpu03");
  EXPECT_EQ(first_node("rack2-gpu[7,9]"), "rack2-gpu7");
  EXPECT_EQ(first_node(""), "");
}

}  // namespace
