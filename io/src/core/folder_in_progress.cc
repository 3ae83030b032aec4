#include "core/folder_in_progress.h"

#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

namespace fovea::io {

namespace fs = std::filesystem;

FolderInProgress::FolderInProgress(fs::path folder, Leftovers leftovers)
    : folder_(std::move(folder)), leftovers_(leftovers) {
  if (!folder_.has_filename()) folder_ = folder_.parent_path();
  if (fs::exists(folder_))
    throw Error(ErrorCode::kUsage, folder_.filename().string(), "the folder is there already",
                "Choose a new one: a retrieval never mixes with what is there.");
  parent_ = folder_.has_parent_path() ? folder_.parent_path() : fs::path(".");
  const std::string hidden = "." + folder_.filename().string();
  part_ = parent_ / (hidden + ".part");
  std::error_code error;
  if (leftovers_ == Leftovers::kDiscard) fs::remove_all(part_, error);
  fs::create_directories(part_, error);
  if (error)
    throw Error(ErrorCode::kWriteFailed, folder_.filename().string(), "the folder cannot be made",
                "Choose an output folder that you may write to.");
  if (leftovers_ == Leftovers::kDiscard) return;
  lock_ = FileLock::try_lock(parent_ / (hidden + ".lock"));
  if (!lock_)
    throw Error(ErrorCode::kUsage, folder_.filename().string(), "another process is fetching it",
                "Wait for it, or choose another folder.");
  remove_stale_temporaries(part_, [](const std::string&) { return false; });
}

FolderInProgress::~FolderInProgress() {
  std::error_code ignored;
  if (leftovers_ == Leftovers::kDiscard && !committed_) fs::remove_all(part_, ignored);
}

void FolderInProgress::discard_if_empty() {
  std::error_code ignored;
  fs::remove(part_, ignored);
}

void FolderInProgress::commit() {
  std::error_code error;
  fs::rename(part_, folder_, error);
  if (error)
    throw Error(ErrorCode::kWriteFailed, folder_.filename().string(), "it could not be put in its place",
                "Choose an output folder that you may write to.");
  committed_ = true;
  const int descriptor = ::open(parent_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) ::fsync(descriptor), ::close(descriptor);
}

}  // namespace fovea::io
