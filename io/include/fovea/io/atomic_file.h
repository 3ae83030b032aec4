// Atomic output: write beside the target, fsync, rename. A target is either the old file or the whole new one.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace fovea::io {

/// Owns a temporary name `.<stem>.<pid>-<n>.tmp<ext>` in the target's folder (same extension, so that libraries which
/// choose a format by name still work). The destructor removes the temporary file unless commit() succeeded.
class AtomicFile {
 public:
  /// Throws Error(kWriteFailed) when the folder does not exist or cannot be written.
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  const std::filesystem::path& target() const { return target_; }

  /// fsync of file and folder, then rename over the target. Throws Error(kWriteFailed) naming the target;
  /// a full disk is said as such.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  bool committed_ = false;
};

/// Writes all of `bytes` to `target` atomically.
void write_file(const std::filesystem::path& target, std::string_view bytes);

/// Calls `write(temporary)`, then commits. Exceptions of `write` other than fovea::Error are translated to
/// kWriteFailed.
void write_with(const std::filesystem::path& target, const std::function<void(const std::filesystem::path&)>& write);

/// Calls `work`; exceptions other than fovea::Error become kWriteFailed of `target`.
void write_guarded(const std::filesystem::path& target, const std::function<void()>& work);

/// Creates `folder` (and parents) and proves that it can be written to. Throws Error(kWriteFailed) with the remedy.
void prepare_output_folder(const std::filesystem::path& folder);

/// Removes the temporary files of every AtomicFile alive in this process: the last act before a forced exit.
void discard_live_temporaries();

}  // namespace fovea::io
