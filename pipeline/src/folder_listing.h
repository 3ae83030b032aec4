// What lies in a folder, for lists of slides and of scans.
#pragma once

#include <algorithm>
#include <filesystem>
#include <vector>

namespace fovea::pipeline {

/// Files of one folder and the folders in it, by name; hidden ones are left out. An unreadable folder is empty.
inline std::vector<std::filesystem::path> children(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored))
    if (entry->path().filename().string().front() != '.') found.push_back(entry->path());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace fovea::pipeline
