// multipart/related as it streams in (RFC 2046): parts are passed on while they arrive, never held.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace fovea::io::dicomweb {

/// The boundary of a Content-Type, empty when there is none or it breaks the rules (1 to 70 characters).
std::string boundary_of(std::string_view content_type);
/// "multipart/related" of "Multipart/Related; type=...": lower case, without parameters.
std::string media_type_of(std::string_view content_type);

class MultipartReader {
 public:
  struct Sink {
    std::function<void(const std::string& content_type)> begin;  ///< of the part; empty when it says none
    std::function<void(std::span<const char>)> data;
    std::function<void()> end;
  };
  MultipartReader(const std::string& boundary, Sink sink);

  /// Error(kCorrupt) on headers that are none or longer than 16 KiB; errors of the sink pass through.
  void feed(std::span<const char> bytes);
  /// Error(kCorrupt) unless the closing delimiter came: the answer was cut off.
  void finish() const;
  std::int64_t parts() const { return parts_; }

 private:
  enum class State { kPreamble, kAfterDelimiter, kHeaders, kBody, kEpilogue };
  bool take();
  bool find_delimiter(bool inside);
  bool after_delimiter();
  bool headers();

  std::string delimiter_, held_;
  Sink sink_;
  State state_ = State::kPreamble;
  std::int64_t parts_ = 0;
};

}  // namespace fovea::io::dicomweb
