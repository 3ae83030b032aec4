// A whole file in read-only memory, shared by the views into it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace fovea::io {

class MappedFile {
 public:
  /// Error(kNotFound) when it cannot be read, Error(kCorrupt) when it is empty.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace fovea::io
