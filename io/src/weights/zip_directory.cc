#include "weights/zip_directory.h"

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace fovea::io {
namespace {

template <class T>
T at(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (offset > bytes.size() || sizeof(T) > bytes.size() - offset)
    throw std::runtime_error("the zip archive is truncated");
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::span<const std::byte> part(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) throw std::runtime_error("the zip archive is truncated");
  return bytes.subspan(offset, size);
}

struct Directory {
  std::uint64_t offset = 0, entries = 0;
};

Directory find_directory(std::span<const std::byte> file) {
  constexpr std::uint64_t kEndSize = 22, kMaxComment = 65535;
  if (file.size() < kEndSize) throw std::runtime_error("the zip archive is truncated");
  const std::uint64_t last = file.size() - kEndSize, first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::uint64_t end = last + 1; end-- > first;) {
    if (at<std::uint32_t>(file, end) != 0x06054b50u) continue;
    Directory directory{at<std::uint32_t>(file, end + 16), at<std::uint16_t>(file, end + 10)};
    if (directory.offset != 0xffffffffu && directory.entries != 0xffffu) return directory;
    if (end < 20 || at<std::uint32_t>(file, end - 20) != 0x07064b50u) return directory;
    const auto zip64 = at<std::uint64_t>(file, end - 20 + 8);
    if (at<std::uint32_t>(file, zip64) != 0x06064b50u)
      throw std::runtime_error("the zip archive's directory is damaged");
    return {at<std::uint64_t>(file, zip64 + 48), at<std::uint64_t>(file, zip64 + 32)};
  }
  throw std::runtime_error("the zip archive has no directory (the file may be truncated)");
}

/// Sizes of 0xffffffff stand in the zip64 extra field, in a fixed order.
void widen(std::span<const std::byte> extra, std::uint64_t& size, std::uint64_t& stored, std::uint64_t& offset) {
  for (std::uint64_t i = 0; i + 4 <= extra.size();) {
    const auto kind = at<std::uint16_t>(extra, i), length = at<std::uint16_t>(extra, i + 2);
    if (kind == 1) {
      std::uint64_t field = i + 4;
      for (std::uint64_t* value : {&size, &stored, &offset})
        if (*value == 0xffffffffu) *value = at<std::uint64_t>(extra, field), field += 8;
      return;
    }
    i += 4 + length;
  }
}

}  // namespace

std::map<std::string, std::span<const std::byte>> read_zip_directory(std::span<const std::byte> file) {
  const Directory directory = find_directory(file);
  std::map<std::string, std::span<const std::byte>> entries;
  std::uint64_t position = directory.offset;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (at<std::uint32_t>(file, position) != 0x02014b50u)
      throw std::runtime_error("the zip archive's directory is damaged");
    const auto method = at<std::uint16_t>(file, position + 10);
    std::uint64_t stored = at<std::uint32_t>(file, position + 20), size = at<std::uint32_t>(file, position + 24),
                  offset = at<std::uint32_t>(file, position + 42);
    const std::uint64_t name_size = at<std::uint16_t>(file, position + 28),
                        extra_size = at<std::uint16_t>(file, position + 30),
                        comment_size = at<std::uint16_t>(file, position + 32);
    const auto name = part(file, position + 46, name_size);
    widen(part(file, position + 46 + name_size, extra_size), size, stored, offset);
    if (method != 0 || stored != size)
      throw std::runtime_error("the zip archive is compressed, which torch.save never does");
    const std::uint64_t data =
        offset + 30 + at<std::uint16_t>(file, offset + 26) + at<std::uint16_t>(file, offset + 28);
    entries.emplace(std::string(reinterpret_cast<const char*>(name.data()), name.size()), part(file, data, size));
    position += 46 + name_size + extra_size + comment_size;
  }
  return entries;
}

}  // namespace fovea::io
