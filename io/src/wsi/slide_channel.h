// What a process and the helper that reads a slide for it say to each other: messages over a socket, pixels in shared
// memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <fovea/base/error.h>
#include <fovea/io/slide.h>

#include "core/helper.h"

namespace fovea::io {

struct RegionRequest {
  std::int64_t level = 0, x0 = 0, y0 = 0, width = 0, height = 0;
  std::uint8_t opaque = 0;    ///< 1: the region's opacity follows its pixels
  std::uint8_t in_level = 0;  ///< 1: x0 and y0 are pixels of the level (Slide::read_level)
  std::size_t rgb_bytes() const { return static_cast<std::size_t>(3 * width * height); }
  std::size_t opaque_bytes() const { return opaque != 0 ? static_cast<std::size_t>(width * height) : 0; }
};

/// An end of the socket. Owns it.
class Channel {
 public:
  explicit Channel(int socket) : socket_(socket) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// False when the other side has gone.
  bool send(std::span<const std::byte> bytes) const;
  bool send_text(const std::string& text) const;
  /// False when the other side has gone, or says nothing for `timeout_ms` (< 0: waits for ever).
  bool receive(std::span<std::byte> bytes, int timeout_ms) const;
  std::optional<std::string> receive_text(int timeout_ms) const;

 private:
  int socket_;
};

/// A window on shared memory that grows with what it has to hold.
class SharedPixels {
 public:
  explicit SharedPixels(int file) : file_(file) {}
  ~SharedPixels();
  SharedPixels(const SharedPixels&) = delete;
  SharedPixels& operator=(const SharedPixels&) = delete;

  int file() const { return file_; }
  /// `grow`: this side may enlarge the memory (the one that asks); the other only looks further.
  std::span<std::uint8_t> at_least(std::size_t bytes, bool grow);

 private:
  int file_;
  std::uint8_t* address_ = nullptr;
  std::size_t size_ = 0;
};

std::string info_to_text(const SlideInfo& info);
SlideInfo info_from_text(const std::string& text);
std::string error_to_text(const Error& error);
/// The error that `text` holds, or nothing when it is the empty text of success.
std::optional<Error> error_from_text(const std::string& text);

using SlideOpener = std::function<std::unique_ptr<Slide>(const std::filesystem::path&, const SlideOptions&)>;

/// The life of a helper: opens what the first message names, then answers until the socket closes. Returns its exit
/// code.
int serve_slide(int socket, int memory, const SlideOpener& open);

}  // namespace fovea::io
