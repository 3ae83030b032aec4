#include "slide/feature_spool.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {

FeatureSpool::FeatureSpool(const std::filesystem::path& target) : file_(target) {
  descriptor_ = ::open(file_.temporary().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor_ < 0) fail();
}

FeatureSpool::~FeatureSpool() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FeatureSpool::fail() const {
  const int cause = errno;
  throw Error(ErrorCode::kWriteFailed, file_.target().filename().string(),
              cause == ENOSPC ? "the disk is full"
                              : std::string("the features cannot be written (") + std::strerror(cause) + ")",
              "Free space or choose another --out, or leave out --keep-features and --live.");
}

void FeatureSpool::append(const float* rows, std::int64_t count, std::int64_t width) {
  write_at(rows_, rows, count, width);
}

void FeatureSpool::place(std::int64_t row, const float* values, std::int64_t width) {
  write_at(row, values, 1, width);
}

void FeatureSpool::write_at(std::int64_t row, const float* rows, std::int64_t count, std::int64_t width) {
  const auto* bytes = reinterpret_cast<const char*>(rows);
  auto offset = static_cast<off_t>(row * width) * static_cast<off_t>(sizeof(float));
  std::size_t left = static_cast<std::size_t>(count * width) * sizeof(float);
  while (left > 0) {
    const ssize_t written = ::pwrite(descriptor_, bytes, left, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail();
    bytes += written, offset += written, left -= static_cast<std::size_t>(written);
  }
  rows_ = std::max(rows_, row + count), width_ = width;
}

io::Array FeatureSpool::finish() {
  io::Array array;
  array.shape = {rows_, width_};
  const std::size_t size = static_cast<std::size_t>(rows_ * width_) * sizeof(float);
  if (size == 0) return array;
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor_, 0);
  if (data == MAP_FAILED) fail();
  array.owner =
      std::shared_ptr<const void>(data, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
  array.bytes = {static_cast<const std::byte*>(data), size};
  return array;
}

}  // namespace fovea::pipeline::slide
