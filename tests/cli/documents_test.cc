// Commands shown in the documents exist: every `fovea ...` line of a code block names a command, and each of its
// options is in that command's help.
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program.h"
#include "shared.h"

namespace {

namespace fs = std::filesystem;
using fovea::test::run_fovea;

std::vector<fs::path> documents() {
  const fs::path root = FOVEA_SOURCE_DIR;
  std::vector<fs::path> found{root / "README.md"};
  for (const char* folder : {"docs", "demo", "io", "models", "pipeline"}) {
    if (!fs::exists(root / folder)) continue;
    for (auto entry = fs::recursive_directory_iterator(root / folder); entry != fs::recursive_directory_iterator();
         ++entry) {
      if (entry->is_directory() && entry->path().filename() == "output") entry.disable_recursion_pending();
      if (entry->path().extension() == ".md") found.push_back(entry->path());
    }
  }
  return found;
}

/// The `fovea ...` commands inside fenced code blocks; comments cut off, `;` separates commands.
std::vector<std::string> commands_of(const fs::path& document) {
  std::ifstream stream(document);
  std::vector<std::string> commands;
  bool fenced = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind("```", 0) == 0) fenced = !fenced;
    if (!fenced) continue;
    std::istringstream parts(line.substr(0, line.find(" #")));
    for (std::string part; std::getline(parts, part, ';');) {
      const auto start = part.find_first_not_of(" $");
      if (start != std::string::npos && part.compare(start, 6, "fovea ") == 0)
        commands.push_back(part.substr(start + 6));
    }
  }
  return commands;
}

/// "slide predict x.svs --out y" -> {"slide predict", {"--out"}}.
std::pair<std::string, std::vector<std::string>> command_and_options(const std::string& line) {
  std::istringstream words(line);
  std::string first, second, word;
  words >> first >> second;
  const bool grouped = first == "slide" || first == "mil" || first == "mri" || first == "model" || first == "pacs";
  std::vector<std::string> options;
  if (second.rfind("--", 0) == 0) options.push_back(second);
  while (words >> word)
    if (word.rfind("--", 0) == 0) options.push_back(word.substr(0, word.find('=')));
  return {grouped ? first + " " + second : first, options};
}

TEST(Documents, EveryCommandTheyShowExists) {
  std::map<std::string, std::string> help_of;
  int checked = 0;
  for (const fs::path& document : documents()) {
    for (const std::string& line : commands_of(document)) {
      const auto [command, options] = command_and_options(line);
      if (!help_of.count(command)) {
        const auto help = run_fovea(command + " --help");
        EXPECT_EQ(help.exit_code, 0) << document << ": fovea " << line;
        help_of[command] = help.out;
      }
      for (const std::string& option : options) {
        EXPECT_THAT(help_of[command], testing::HasSubstr(option)) << document << ": fovea " << line;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 5);
}

TEST(Documents, LinkedFilesExist) {
  for (const fs::path& document : documents()) {
    std::ifstream stream(document);
    for (std::string line; std::getline(stream, line);) {
      for (std::size_t at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
        const std::string target = line.substr(at + 2, line.find(')', at) - at - 2);
        if (target.rfind("http", 0) == 0 || target.rfind('#', 0) == 0 || target.empty()) continue;
        EXPECT_TRUE(fs::exists(document.parent_path() / target)) << document << " links to " << target;
      }
    }
  }
}

}  // namespace
