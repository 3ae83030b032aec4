#include <fovea/io/file_lock.h>

#include <cerrno>
#include <cstring>
#include <regex>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fovea/base/error.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;

/// The holder before us may have removed the file between our open and our lock: then ours has no name any more.
bool still_named(int descriptor, const fs::path& file) {
  struct stat ours {
  }, named{};
  return ::fstat(descriptor, &ours) == 0 && ::stat(file.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

bool alive(int process) {
  return ::kill(process, 0) == 0 || errno != ESRCH;
}

}  // namespace

std::optional<FileLock> FileLock::try_lock(const fs::path& file) {
  for (;;) {
    const int descriptor = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (descriptor < 0)
      throw Error(ErrorCode::kWriteFailed, file.string(),
                  std::string("the lock cannot be made (") + std::strerror(errno) + ")",
                  "Choose an output folder that you may write to.");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      ::close(descriptor);
      return std::nullopt;
    }
    if (still_named(descriptor, file)) return FileLock(file, descriptor);
    ::close(descriptor);
  }
}

FileLock::FileLock(FileLock&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(file_, other.file_), std::swap(descriptor_, other.descriptor_);  // `other` lets go of ours
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  std::error_code ignored;
  fs::remove(file_, ignored);  // while it is still ours
  ::close(descriptor_);
}

int remove_stale_temporaries(const fs::path& folder, const std::function<bool(const std::string& stem)>& in_use) {
  static const std::regex kTemporary(R"(\.(.+)\.(\d{1,9})-\d+\.tmp(\..*)?)");  // the names of AtomicFile
  std::error_code ignored;
  int removed = 0;
  std::smatch parts;
  for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!std::regex_match(name, parts, kTemporary) || alive(std::stoi(parts[2])) || in_use(parts[1])) continue;
    removed += fs::remove(entry->path(), ignored);
  }
  return removed;
}

}  // namespace fovea::io
