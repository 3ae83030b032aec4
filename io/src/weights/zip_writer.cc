#include "weights/zip_writer.h"

#include <algorithm>
#include <stdexcept>

#include <zlib.h>

namespace fovea::io {
namespace {

constexpr std::uint64_t kAlignment = 64, kMaximum32 = 0xffffffffu;
constexpr std::uint64_t kLocalHeader = 30, kExtraHead = 4;

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}
std::string narrow(std::uint64_t value) {
  return little_endian(std::min(value, kMaximum32), 4);  // all ones: see the zip64 field
}

std::string zip64_field(std::initializer_list<std::uint64_t> values) {
  std::string field = little_endian(1, 2) + little_endian(8 * values.size(), 2);
  for (const std::uint64_t value : values) field += little_endian(value, 8);
  return field;
}

/// An extra field that moves what follows onto the boundary; its own head needs room too.
std::string padding(std::uint64_t position) {
  const std::uint64_t gap = (2 * kAlignment - (position + kExtraHead) % kAlignment) % kAlignment;
  return "FB" + little_endian(gap, 2) + std::string(gap, 'Z');
}

}  // namespace

ZipWriter::ZipWriter(const std::filesystem::path& file) {
  stream_.exceptions(std::ios::badbit | std::ios::failbit);
  stream_.open(file, std::ios::binary | std::ios::trunc);
}

void ZipWriter::put(const std::string& bytes) {
  stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  position_ += bytes.size();
}

void ZipWriter::begin(const std::string& name, std::uint64_t size) {
  if (open_) end_member();
  members_.push_back({name, size, position_, 0});
  const bool wide = size >= kMaximum32;
  std::string extra = wide ? zip64_field({size, size}) : std::string{};
  extra += padding(position_ + kLocalHeader + name.size() + extra.size());
  put("PK\3\4" + little_endian(wide ? 45 : 20, 2) + std::string(2 + 2 + 4 + 4, '\0') + narrow(size) + narrow(size) +
      little_endian(name.size(), 2) + little_endian(extra.size(), 2) + name + extra);
  left_ = size, open_ = true;
}

void ZipWriter::write(std::span<const char> bytes) {
  if (bytes.size() > left_) throw std::runtime_error("more bytes than announced");
  std::uint32_t& checksum = members_.back().checksum;
  checksum =
      static_cast<std::uint32_t>(crc32_z(checksum, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
  stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  position_ += bytes.size(), left_ -= bytes.size();
}

void ZipWriter::add(const std::string& name, const std::string& bytes) {
  begin(name, bytes.size());
  write(bytes);
}

void ZipWriter::end_member() {
  if (left_ != 0) throw std::runtime_error("fewer bytes than announced");
  constexpr std::uint64_t kChecksumAt = 14;
  stream_.seekp(static_cast<std::streamoff>(members_.back().offset + kChecksumAt));
  const std::string checksum = little_endian(members_.back().checksum, 4);
  stream_.write(checksum.data(), 4);
  stream_.seekp(static_cast<std::streamoff>(position_));
  open_ = false;
}

void ZipWriter::finish() {
  if (open_) end_member();
  const std::uint64_t start = position_, count = members_.size();
  for (const Member& m : members_) {
    const bool wide = m.size >= kMaximum32 || m.offset >= kMaximum32;
    const std::string extra = wide ? zip64_field({m.size, m.size, m.offset}) : std::string{};
    const auto field = [&](std::uint64_t value) { return wide ? narrow(kMaximum32) : narrow(value); };
    put("PK\1\2" + little_endian(wide ? 45 : 20, 2) + little_endian(wide ? 45 : 20, 2) + std::string(2 + 2 + 4, '\0') +
        little_endian(m.checksum, 4) + field(m.size) + field(m.size) + little_endian(m.name.size(), 2) +
        little_endian(extra.size(), 2) + std::string(2 + 2 + 2 + 4, '\0') + field(m.offset) + m.name + extra);
  }
  const std::uint64_t size = position_ - start;
  if (start >= kMaximum32) {
    const std::uint64_t end = position_;
    put("PK\6\6" + little_endian(44, 8) + little_endian(45, 2) + little_endian(45, 2) + little_endian(0, 8) +
        little_endian(count, 8) + little_endian(count, 8) + little_endian(size, 8) + little_endian(start, 8));
    put("PK\6\7" + little_endian(0, 4) + little_endian(end, 8) + little_endian(1, 4));
  }
  put("PK\5\6" + std::string(4, '\0') + little_endian(count, 2) + little_endian(count, 2) + narrow(size) +
      narrow(start) + std::string(2, '\0'));
  stream_.close();
}

}  // namespace fovea::io
