// All bytes of a file, to look at.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace fovea::test {

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace fovea::test
