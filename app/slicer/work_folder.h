// Where a job writes before its results are handed over.
#pragma once

#include <filesystem>

namespace fovea::slicer {

/// A hidden folder beside `output` (same disk, so that a full one is noticed early), removed at the end. Cancelling
/// kills the process at once: folders of processes of this machine that no longer run are removed by the next one.
class WorkFolder {
 public:
  explicit WorkFolder(const std::filesystem::path& output);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace fovea::slicer
