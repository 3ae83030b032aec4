// Every folder here is one bad input with its expected outcome (case.json): a clear sentence that names the file, an
// exit code, no partial output. Keys: about, given (a builder), run (the command; {in}, {out}, {disk} are folders),
// exit, says (a regular expression for the message), accepted (true: the run succeeds and `says` is in what it prints),
// needs (a path below shared), encoder (true: the command needs the tile encoder's weights), disk ("full": a tiny file
// system, "read-only").
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/mount.h>

#include "builders.h"
#include "encoder.h"
#include "program.h"
#include "shared.h"

namespace fovea::test {
namespace {

using nlohmann::json;

fs::path cases_folder() {
  return fs::path(FOVEA_SOURCE_DIR) / "tests/cases";
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(cases_folder()))
    if (fs::exists(entry.path() / "case.json")) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// A file system of a few kilobytes, or one that nobody may write to; absent where mounting is not allowed.
class TinyDisk {
 public:
  TinyDisk(fs::path folder, const std::string& kind) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    const bool read_only = kind == "read-only";
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", read_only ? MS_RDONLY : 0, read_only ? "" : "size=32k") == 0;
  }
  ~TinyDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;
  bool mounted() const { return mounted_; }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

std::string replaced(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [key, value] : values)
    for (auto at = text.find(key); at != std::string::npos; at = text.find(key, at + value.size()))
      text.replace(at, key.size(), value);
  return text;
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory()) files.push_back(entry.path().string());
  return files;
}

/// Lines of stderr that are the message: progress and notes are not.
std::vector<std::string> message_lines(const std::string& err) {
  std::vector<std::string> lines;
  std::istringstream stream(err);
  for (std::string line; std::getline(stream, line);)
    if (line.rfind("fovea: ", 0) == 0) lines.push_back(line);
  return lines;
}

class BadInput : public testing::TestWithParam<std::string> {};

TEST_P(BadInput, IsRefusedInOneSentenceAndLeavesNothing) {
  std::ifstream stream(cases_folder() / GetParam() / "case.json");
  const json spec = json::parse(stream);
  if (spec.contains("needs")) {
    FOVEA_NEEDS_SHARED(spec["needs"].get<std::string>());
  }
  TemporaryFolder folder;
  std::optional<TinyDisk> disk;
  if (spec.contains("disk")) {
    disk.emplace(folder / "disk", spec["disk"].get<std::string>());
    if (!disk->mounted()) GTEST_SKIP() << "needs the right to mount a small file system";
  }
  const fs::path in = folder / "in", out = folder / "out";
  fs::create_directory(in);
  ASSERT_TRUE(builders().count(spec["given"])) << spec["given"];
  builders().at(spec["given"])(in);
  std::string prefix;
  if (spec.value("encoder", false)) {
    const std::string encoders = encoder_folder();
    if (encoders.empty()) GTEST_SKIP() << "needs the encoder's checkpoint (./run deps)";
    prefix = "FOVEA_ENCODERS='" + encoders + "'";
  }
  const auto before = files_below(in);
  const std::string command =
      replaced(spec["run"].get<std::string>(),
               {{"{in}", in.string()}, {"{out}", out.string()}, {"{disk}", (folder / "disk").string()}});

  const ProgramResult result = run_fovea(command, prefix);

  const bool accepted = spec.value("accepted", false);
  EXPECT_EQ(result.exit_code, spec["exit"].get<int>()) << command << "\n" << result.out << result.err;
  const std::regex says(spec["says"].get<std::string>());
  if (accepted) {
    EXPECT_TRUE(std::regex_search(result.out + result.err, says)) << result.out << result.err;
    return;
  }
  const auto lines = message_lines(result.err);
  ASSERT_EQ(lines.size(), 1u) << result.err;
  EXPECT_TRUE(std::regex_search(lines.front(), says)) << lines.front() << "\nshould match " << spec["says"];
  EXPECT_EQ(lines.front().find("terminate"), std::string::npos);
  EXPECT_EQ(files_below(out), std::vector<std::string>()) << "partial output";
  EXPECT_EQ(files_below(folder / "disk"), std::vector<std::string>()) << "partial output";
  EXPECT_EQ(files_below(in), before) << "something was left beside the input";
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Cases, BadInput, testing::ValuesIn(case_names()), test_name);

}  // namespace
}  // namespace fovea::test
