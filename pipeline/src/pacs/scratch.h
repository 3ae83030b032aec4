// A folder for what exists only on its way to the network: 0700, gone with its object.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <fovea/base/error.h>

namespace fovea::pipeline::pacs {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "fovea-pacs-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw Error(ErrorCode::kWriteFailed, "temporary folder", "it cannot be made", "Check TMPDIR.");
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace fovea::pipeline::pacs
