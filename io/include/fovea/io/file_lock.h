// Who works on an output: a lock that the operating system drops when its process ends, however it ends, and the
// clearing up after such an end.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace fovea::io {

/// An exclusive lock on a small file (flock; over NFS it holds between machines too). Two locks of one process on one
/// file exclude each other as well.
class FileLock {
 public:
  /// Nothing when someone else holds it. Makes the file. Error(kWriteFailed) when that is impossible.
  static std::optional<FileLock> try_lock(const std::filesystem::path& file);
  /// Removes the file and lets go.
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  FileLock(std::filesystem::path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}
  std::filesystem::path file_;
  int descriptor_ = -1;
};

/// Removes what AtomicFile left in `folder` for processes that are no more. `in_use` is asked with the target's name
/// without extension ("slide_7"): another machine's process may be alive although none of that number is here. Returns
/// how many were removed.
int remove_stale_temporaries(const std::filesystem::path& folder,
                             const std::function<bool(const std::string& stem)>& in_use);

}  // namespace fovea::io
