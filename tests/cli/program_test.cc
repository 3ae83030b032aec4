// The program as a user types it: help, versions, exit codes, saved requests, progress for programs.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/version.h>

#include "program.h"
#include "shared.h"

namespace {

using fovea::test::run_fovea;
using fovea::test::TemporaryFolder;
using testing::HasSubstr;

/// Every line must parse by itself.
std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(Program, HelpListsEveryCommandAndTheExitCodes) {
  const auto help = run_fovea("--help");
  EXPECT_EQ(help.exit_code, 0);
  for (const char* word :
       {"slide", "mri", "model", "selftest", "formats", "encoders", "models", "run", "Exit codes", "130 cancelled"})
    EXPECT_THAT(help.out, HasSubstr(word));
}

TEST(Program, EveryCommandExplainsItself) {
  for (const char* command : {"slide predict", "slide train", "mri segment", "mri train", "model import", "model info",
                              "selftest", "models", "encoders", "formats", "run"}) {
    const auto help = run_fovea(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_GT(help.out.size(), 100u) << command;
  }
}

TEST(Program, VersionIsTheProjectsVersion) {
  const auto version = run_fovea("--version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, HasSubstr(FOVEA_VERSION));
}

TEST(Program, TablesListWhatTheRegistriesHold) {
  EXPECT_THAT(run_fovea("models").out, testing::AllOf(HasSubstr("acmil_ga"), HasSubstr("abmil"), HasSubstr("agunet")));
  EXPECT_THAT(run_fovea("encoders").out, HasSubstr("efficientnet_lite0"));
  EXPECT_THAT(run_fovea("formats").out, testing::AllOf(HasSubstr("TRIDENT"), HasSubstr("NIfTI"), HasSubstr("DICOM")));
}

TEST(Program, UnknownCommandOrOptionIsAUsageError) {
  EXPECT_EQ(run_fovea("paint").exit_code, 1);
  EXPECT_EQ(run_fovea("slide predict --no-such-option").exit_code, 1);
  EXPECT_EQ(run_fovea("").exit_code, 1);
}

TEST(Program, MissingInputNamesTheFileAndTheRemedy) {
  TemporaryFolder folder;
  const auto result = run_fovea("model info " + (folder / "nothing.safetensors").string());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("nothing.safetensors"));
}

TEST(Program, ASavedRequestCanBeRepeated) {
  TemporaryFolder folder;
  const auto request = folder / "request.json";
  ASSERT_EQ(run_fovea("formats --save-request " + request.string()).exit_code, 0);
  std::ifstream stream(request);
  const auto json = nlohmann::json::parse(stream);
  EXPECT_EQ(json["fovea_job"], 1);
  EXPECT_EQ(json["kind"], "formats");
  const auto repeated = run_fovea("run " + request.string());
  EXPECT_EQ(repeated.exit_code, 0);
  EXPECT_EQ(repeated.out, run_fovea("formats").out);
}

TEST(Program, ARequestOfAnotherVersionIsRefused) {
  TemporaryFolder folder;
  const auto request = folder / "request.json";
  std::ofstream(request) << R"({"fovea_job": 99, "kind": "formats", "values": {}})";
  const auto result = run_fovea("run " + request.string());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("version 99"));
}

TEST(Program, JsonProgressIsOneObjectALine) {
  TemporaryFolder folder;
  const auto result = run_fovea("formats --json-progress");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(json_lines(result.out).back()["type"], "result");
  const auto failed = json_lines(run_fovea("model info " + (folder / "nothing").string() + " --json-progress").out);
  EXPECT_EQ(failed.back()["type"], "error");
  EXPECT_EQ(failed.back()["exit_code"], 3);
}

TEST(Program, AStatusFileSaysHowItEnded) {
  TemporaryFolder folder;
  const std::string file = (folder / "status.json").string();
  const auto status = [&] { return nlohmann::json::parse(std::ifstream(file)); };
  EXPECT_EQ(run_fovea("mil recipe acmil --status '" + file + "'").exit_code, 0);
  EXPECT_EQ(status()["type"], "result");
  EXPECT_FALSE(status()["birth"].get<std::string>().empty());
  EXPECT_NE(run_fovea("mil recipe acmli --status '" + file + "'").exit_code, 0);
  EXPECT_EQ(status()["type"], "error");
  EXPECT_THAT(status()["message"].get<std::string>(), HasSubstr("Built-in recipes"));
  // A file that cannot be written is no reason to end.
  EXPECT_EQ(run_fovea("mil recipe acmil --status '" + (folder / "none/status.json").string() + "'").exit_code, 0);
}

TEST(Program, OutputToAFullDiskIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_NE(run_fovea("formats > /dev/full").exit_code, 0);
}

}  // namespace
