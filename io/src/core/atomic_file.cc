#include <fovea/io/atomic_file.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <fovea/base/error.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;

struct LiveTemporaries {
  std::mutex mutex;
  std::set<fs::path> paths;
};
LiveTemporaries& live() {
  static LiveTemporaries instance;
  return instance;
}

[[noreturn]] void write_failed(const fs::path& target, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(
      ErrorCode::kWriteFailed, target.string(),
      full ? "the disk is full, nothing was written"
           : "it could not be written (" + std::string(std::strerror(error)) + ")",
      full ? "Free some space or choose another output folder." : "Choose an output folder that you may write to.");
}

/// `.nii.gz` and `.seg.nrrd` are one extension: libraries choose the format by it.
std::string whole_extension(const fs::path& target) {
  std::string last = target.extension().string();
  if (last == ".gz" || last == ".nrrd") last = target.stem().extension().string() + last;
  return last;
}

void synchronise(const fs::path& path, const fs::path& target, int flags) {
  const int descriptor = ::open(path.c_str(), flags);
  if (descriptor < 0) write_failed(target, errno);
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  if (result != 0 && error != EINVAL) write_failed(target, error);  // EINVAL: a file system without fsync
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  static std::atomic<unsigned> counter{0};
  if (fs::is_directory(target_))
    throw Error(ErrorCode::kWriteFailed, target_.string(), "a folder of this name is in the way",
                "Choose another name.");
  if (fs::exists(target_) && !fs::is_regular_file(target_))
    throw Error(ErrorCode::kWriteFailed, target_.string(), "this is a device, not a file",
                "Choose a file in a folder that you may write to.");
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  const std::string extension = whole_extension(target_);
  std::string stem = target_.filename().string();
  stem.resize(stem.size() - extension.size());
  temporary_ =
      folder / ("." + stem + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp" + extension);
  const int descriptor = ::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor < 0) write_failed(target_, errno);
  ::close(descriptor);
  std::lock_guard lock(live().mutex);
  live().paths.insert(temporary_);
}

AtomicFile::~AtomicFile() {
  std::lock_guard lock(live().mutex);
  live().paths.erase(temporary_);
  std::error_code ignored;
  if (!committed_) fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  synchronise(temporary_, target_, O_RDONLY);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) write_failed(target_, errno);
  committed_ = true;
  synchronise(target_.has_parent_path() ? target_.parent_path() : fs::path("."), target_, O_RDONLY | O_DIRECTORY);
}

void write_file(const fs::path& target, std::string_view bytes) {
  AtomicFile file(target);
  const int descriptor = ::open(file.temporary().c_str(), O_WRONLY | O_TRUNC);
  if (descriptor < 0) write_failed(target, errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      ::close(descriptor);
      write_failed(target, error);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(descriptor) != 0) write_failed(target, errno);
  file.commit();
}

void write_guarded(const fs::path& target, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const auto* cause = dynamic_cast<const std::system_error*>(&error);
    if (cause && cause->code().category() == std::generic_category()) write_failed(target, cause->code().value());
    // Libraries do not pass the cause on. A file system's last blocks may be too few for what they wanted.
    constexpr std::uintmax_t kAsGoodAsFull = 1 << 16;
    std::error_code ignored;
    const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
    if (fs::space(folder, ignored).available < kAsGoodAsFull && !ignored) write_failed(target, ENOSPC);
    throw Error(ErrorCode::kWriteFailed, target.string(), std::string("it could not be written (") + error.what() + ")",
                "Check the disk and choose a folder that you may write to.");
  }
}

void write_with(const fs::path& target, const std::function<void(const fs::path&)>& write) {
  AtomicFile file(target);
  write_guarded(target, [&] { write(file.temporary()); });
  file.commit();
}

void prepare_output_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder))
    throw Error(ErrorCode::kWriteFailed, folder.string(),
                "the output folder cannot be made" + (error ? " (" + error.message() + ")" : ""),
                "Choose an output folder that you may write to.");
  AtomicFile probe(folder / "write-test");
}

void discard_live_temporaries() {
  std::lock_guard lock(live().mutex);
  std::error_code ignored;
  for (const fs::path& path : live().paths) fs::remove(path, ignored);
}

}  // namespace fovea::io
