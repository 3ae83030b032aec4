#include "core/mapped_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fovea/base/error.h>

namespace fovea::io {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    const std::string reason = descriptor < 0 ? std::strerror(errno) : "it is not a regular file";
    if (descriptor >= 0) ::close(descriptor);
    throw Error(ErrorCode::kNotFound, path.string(), "the file cannot be read (" + reason + ")",
                "Check the path and its permissions.");
  }
  if (status.st_size == 0) {
    ::close(descriptor);
    throw Error(ErrorCode::kCorrupt, path.string(), "the file is empty", "Copy or download it again.");
  }
  void* data = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
  ::close(descriptor);
  if (data == MAP_FAILED)
    throw Error(ErrorCode::kOutOfMemory, path.string(), "the file cannot be mapped into memory",
                "Close other programs.");
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<const std::byte*>(data), static_cast<std::size_t>(status.st_size)));
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace fovea::io
