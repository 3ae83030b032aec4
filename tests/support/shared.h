// Where fixtures and data stand; tests that need them skip with a clear message where they are absent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace fovea::test {

inline std::filesystem::path shared_dir() {
  if (const char* from_environment = std::getenv("FOVEA_SHARED")) return from_environment;
  return FOVEA_SHARED_DIR;
}

/// A fresh folder below the build tree, removed when the object goes.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fovea-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace fovea::test

/// Skips the running test unless `path` (relative to shared) exists.
#define FOVEA_NEEDS_SHARED(relative)                                    \
  if (!std::filesystem::exists(fovea::test::shared_dir() / (relative))) \
  GTEST_SKIP() << "needs " << (fovea::test::shared_dir() / (relative)).string() << " (set FOVEA_SHARED)"
