// `batch` as a user runs it: resuming, bad cases, several processes over one folder, kills at bad moments.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"
#include "shared.h"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const fs::path kModel = fs::path(FOVEA_SOURCE_DIR) / "demo/models/slide-demo-acmil.safetensors";

/// Cases that run in processes of their own, where a script stands for the program and does what a case's id says:
/// crash, hang, be slow, fail. It notes each run in a log.
class Batch : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder_ / "program") << R"sh(#!/bin/sh
request=$(tr -d '\n')
id=$(printf '%s' "$request" | sed 's|.*/work/\([^@]*\)@.*|\1|')
echo "$id" >>")sh" + (folder_ / "log").string() +
                                              R"sh("
case $id in
  crash*) kill -SEGV $$ ;;
  hang*) sleep 60 ;;
  slow*) sleep 1 ;;
  quiet*) exit 0 ;;
  fail*) printf '{"type":"error","code":"corrupt","message":"it is bad","exit_code":3}\n'; exit 3 ;;
  partial*) printf '{"type":"result","exit_code":2,"outputs":[],"notices":[],"result":{}}\n'; exit 2 ;;
esac
out=$(printf '%s' "$request" | sed 's|.*"out": *"\([^"]*\)".*|\1|')
echo "$id" >"$out"
printf '{"type":"result","exit_code":0,"outputs":["%s"],"notices":[],"result":{"id":"%s"}}\n' "$out" "$id"
)sh";
    fs::permissions(folder_ / "program", fs::perms::owner_all);
    std::ofstream(folder_ / "Doe_Jane.pt") << "an input";
  }

  void manifest(const std::vector<std::string>& ids) const {
    std::ofstream stream(folder_ / "m.csv");
    stream << "case,input,out\n";
    for (const std::string& id : ids) stream << id << ",Doe_Jane.pt,model.safetensors\n";
  }
  std::string arguments(const std::string& more = "") const {
    return "batch '" + (folder_ / "m.csv").string() + "' --job 'model import' --out '" + out().string() + "' " + more;
  }
  ProgramResult run(const std::string& more = "--isolate") const {
    return run_fovea(arguments(more), "FOVEA_PROGRAM='" + (folder_ / "program").string() + "'");
  }
  pid_t start(const std::string& more = "--isolate") const {
    const pid_t child = fork();
    if (child != 0) return child;
    const std::string line = "exec env FOVEA_PROGRAM='" + (folder_ / "program").string() + "' '" + FOVEA_CLI + "' " +
                             arguments(more) + " >/dev/null 2>&1";
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  static int end_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  fs::path out() const { return folder_ / "out"; }
  std::string state(const std::string& id) const {
    const auto json = nlohmann::json::parse(file_text(out() / "status" / (id + ".json")), nullptr, false);
    return json.is_object() ? json.value("state", "") : "none";
  }
  /// How often each case was begun.
  std::map<std::string, int> runs() const {
    std::map<std::string, int> counts;
    std::istringstream log(file_text(folder_ / "log"));
    for (std::string id; std::getline(log, id);) ++counts[id];
    return counts;
  }
  void wait_for(const std::string& id) const {
    for (int i = 0; i < 400 && runs()[id] == 0; ++i) std::this_thread::sleep_for(50ms);
    ASSERT_GT(runs()[id], 0) << id << " never began";
  }
  bool left_over(const char* folder, const char* extension) const {
    for (const auto& entry : fs::directory_iterator(out() / folder))
      if (entry.path().extension() == extension || *extension == 0) return true;
    return false;
  }

  TemporaryFolder folder_;
};

TEST_F(Batch, WhatIsDoneIsNotRunAgainUntilItsInputsChange) {
  manifest({"a", "b"});
  const ProgramResult first = run();
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("2 cases: 2 done (2 run now)"));
  EXPECT_EQ(file_text(out() / "cases/b/model.safetensors"), "b\n");
  EXPECT_THAT(file_text(out() / "summary.csv"), HasSubstr("\n3,b,model import,done,0,1,"));
  EXPECT_THAT(file_text(out() / "cases/b/job-result.json"), HasSubstr("\"id\": \"b\""));
  EXPECT_FALSE(left_over("work", ""));
  EXPECT_FALSE(left_over("leases", ".lease"));

  manifest({"c", "b", "a"});
  EXPECT_THAT(run().out, HasSubstr("3 cases: 3 done (1 run now)"));
  const fs::path input = folder_ / "Doe_Jane.pt";
  fs::last_write_time(input, fs::last_write_time(input) + 1s);
  EXPECT_THAT(run().out, HasSubstr("3 cases: 3 done (3 run now)"));
  EXPECT_EQ(file_text(out() / "cases/b/model.safetensors"), "b\n");
  EXPECT_FALSE(left_over("work", ""));
}

TEST_F(Batch, OneBadCaseStopsNothingAndACrashIsOneOfThem) {
  manifest({"crash1", "a", "fail1", "partial1", "hang1", "quiet1", "b"});
  const ProgramResult result = run("--isolate --case-seconds 1");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.out, HasSubstr("7 cases: 2 done, 1 partial, 4 failed (7 run now)"));
  const std::string table = file_text(out() / "summary.csv");
  for (const char* row :
       {"\n2,crash1,model import,failed,3,1,", "crashed,its process was ended by signal 11",
        "\n4,fail1,model import,failed,3,1,", "corrupt,it is bad", "timeout,it did not end within",
        "crashed,its process ended with code 0 and without a result", "\n5,partial1,model import,partial,2,1,"})
    EXPECT_THAT(table, HasSubstr(row));

  EXPECT_THAT(run("--isolate --case-seconds 1").out, HasSubstr("(0 run now)"));
  EXPECT_THAT(run("--isolate --case-seconds 1 --retry-failed").out, HasSubstr("(5 run now)"));
  EXPECT_EQ(runs()["fail1"], 2);
  EXPECT_EQ(runs()["a"], 1);
  EXPECT_EQ(runs()["partial1"], 2);
}

TEST_F(Batch, AWrongManifestStartsNothing) {
  std::ofstream(folder_ / "m.csv") << "case,input,out\na,Doe_Jane.pt,../a\nb,Doe_Jane.pt,b,c\n";
  const ProgramResult result = run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("line 2: 'out' must be a plain file name"));
  EXPECT_THAT(result.err, HasSubstr("line 3: it has 4 cells under 3 columns"));
  EXPECT_FALSE(fs::exists(out()));
  EXPECT_EQ(run("--case-seconds 3").exit_code, 1);
}

TEST_F(Batch, ProcessesOverOneFolderRunEachCaseOnce) {
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back("c" + std::to_string(i));
  manifest(ids);
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) children.push_back(start("--isolate --wait --quiet"));
  for (const pid_t child : children) EXPECT_EQ(end_of(child), 0);
  const auto counts = runs();
  EXPECT_EQ(counts.size(), 40u);
  EXPECT_TRUE(std::all_of(counts.begin(), counts.end(), [](const auto& each) { return each.second == 1; }));
  EXPECT_THAT(file_text(out() / "summary.json"), HasSubstr("\"done\": 40"));
  EXPECT_FALSE(left_over("leases", ".lease"));
}

TEST_F(Batch, AKilledProcessesCaseIsTakenOver) {
  manifest({"slow1", "a"});
  const pid_t child = start();
  wait_for("slow1");
  kill(child, SIGKILL);
  end_of(child);
  EXPECT_EQ(state("slow1"), "running");
  EXPECT_TRUE(left_over("leases", ".lease"));
  const ProgramResult result = run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("2 cases: 2 done"));
  EXPECT_FALSE(left_over("work", ""));
  EXPECT_FALSE(left_over("leases", ".lease"));
}

TEST_F(Batch, ACaseThatKillsItsProcessesIsGivenUp) {
  manifest({"slow1"});
  for (int i = 0; i < 3; ++i) {
    const pid_t child = start();
    for (int waited = 0; waited < 400 && runs()["slow1"] <= i; ++waited) std::this_thread::sleep_for(20ms);
    kill(child, SIGKILL);
    end_of(child);
  }
  EXPECT_EQ(run().exit_code, 3);
  EXPECT_THAT(file_text(out() / "summary.csv"), HasSubstr("ended without a word 3 times"));
  EXPECT_EQ(run("--isolate --retry-failed").exit_code, 0);
}

TEST_F(Batch, CtrlCPutsTheCaseBack) {
  manifest({"hang1", "a"});
  const pid_t child = start();
  wait_for("hang1");
  const auto told = std::chrono::steady_clock::now();
  kill(child, SIGINT);
  EXPECT_EQ(end_of(child), 130);
  EXPECT_LT(std::chrono::steady_clock::now() - told, 20s);  // two seconds are cancel_test's to check
  EXPECT_EQ(state("hang1"), "pending");
  EXPECT_FALSE(left_over("leases", ".lease"));
  EXPECT_EQ(state("a"), "none");
}

TEST_F(Batch, NamesOfFilesAreInNoMessage) {
  std::ofstream(folder_ / "m.csv") << "case,input,out\nc7,Doe_Jane.pt,model.safetensors\n";
  const ProgramResult result = run_fovea(arguments("--verbose"));  // the true job, on a file that is no checkpoint
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(state("c7"), "failed");
  std::string all = result.out + result.err;
  for (const auto& entry : fs::recursive_directory_iterator(out()))
    all += entry.path().string() + (entry.is_regular_file() ? file_text(entry.path()) : "");
  EXPECT_THAT(all, HasSubstr("case c7 begins"));
  EXPECT_THAT(all, Not(HasSubstr("Doe")));
}

TEST_F(Batch, TheTrueJobRunsHereAndInAProcessOfItsOwn) {
  if (!fs::exists(kModel)) GTEST_SKIP() << "needs the demo weights";
  std::ofstream(folder_ / "m.csv") << "case,input,out\na," << kModel.string() << ",model.safetensors\n";
  for (const char* how : {"", "--isolate --retry-failed"}) {
    const ProgramResult result = run_fovea(arguments(how));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_GT(fs::file_size(out() / "cases/a/model.safetensors"), 1000u);
    EXPECT_THAT(file_text(out() / "summary.csv"), HasSubstr("done,0,1,"));
    fs::remove_all(out());
  }
}

}  // namespace
}  // namespace fovea::test
