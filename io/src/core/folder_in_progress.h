// A folder that appears whole or not at all: it grows under a hidden name beside its place.
#pragma once

#include <filesystem>
#include <optional>

#include <fovea/io/file_lock.h>

namespace fovea::io {

class FolderInProgress {
 public:
  enum class Leftovers {
    kDiscard,  ///< of a process that was killed: removed at the start, and at the end unless committed
    kResume    ///< kept and gone on with; one process at a time
  };

  /// Error(kUsage) when `folder` is there already or, resuming, another process is at it; kWriteFailed.
  FolderInProgress(std::filesystem::path folder, Leftovers leftovers);
  ~FolderInProgress();
  FolderInProgress(const FolderInProgress&) = delete;
  FolderInProgress& operator=(const FolderInProgress&) = delete;

  const std::filesystem::path& part() const { return part_; }
  void discard_if_empty();
  void commit();  ///< Error(kWriteFailed)

 private:
  std::filesystem::path folder_, parent_, part_;
  Leftovers leftovers_;
  std::optional<FileLock> lock_;
  bool committed_ = false;
};

}  // namespace fovea::io
