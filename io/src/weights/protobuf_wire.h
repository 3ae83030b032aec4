// Protocol-buffer wire format, as much as reading ONNX needs: no schema, no generated code.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

namespace fovea::io {

/// Walks the fields of one message. Throws std::runtime_error when the bytes end too early.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// Moves to the next field; false at the end.
  bool next() {
    if (bytes_.empty()) return false;
    const std::uint64_t key = varint();
    field_ = static_cast<int>(key >> 3);
    type_ = static_cast<int>(key & 7);
    switch (type_) {
      case 0: value_ = varint(); break;
      case 1: payload_ = take(8); break;
      case 2: payload_ = take(varint()); break;
      case 5: payload_ = take(4); break;
      default: throw std::runtime_error("it holds an unknown field type");
    }
    return true;
  }
  int field() const { return field_; }
  bool is_varint() const { return type_ == 0; }
  std::uint64_t value() const { return value_; }
  std::span<const std::byte> payload() const { return payload_; }
  std::string text() const { return {reinterpret_cast<const char*>(payload_.data()), payload_.size()}; }

  /// Calls `sink` with the one value of an unpacked field or each of a packed one.
  template <class Sink>
  void integers(Sink sink) const {
    if (is_varint()) return sink(value_);
    WireReader packed(payload_);
    while (!packed.bytes_.empty()) sink(packed.varint());
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    throw std::runtime_error("it holds an endless number");
  }
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size()) throw std::runtime_error("it is truncated");
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

  std::span<const std::byte> bytes_, payload_;
  int field_ = 0, type_ = 0;
  std::uint64_t value_ = 0;
};

}  // namespace fovea::io
