#include "dicomweb/multipart.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fovea/base/error.h>

namespace fovea::io::dicomweb {
namespace {

constexpr std::size_t kMostHeaders = 16 << 10, kLongestBoundary = 70;

[[noreturn]] void corrupt(const char* problem) {
  throw Error(ErrorCode::kCorrupt, "answer", problem, "Look into the server's log.");
}

std::string lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), [](unsigned char c) { return std::tolower(c); });
  return made;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string media_type_of(std::string_view content_type) {
  std::string type = lower(trimmed(content_type.substr(0, content_type.find(';'))));
  // It is shown to people: nothing in it may be a terminal's.
  std::replace_if(
      type.begin(), type.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return type;
}

std::string boundary_of(std::string_view type) {
  std::string boundary;
  for (std::size_t at = type.find(';'); at != std::string_view::npos && at < type.size();) {
    std::size_t equals = type.find('=', ++at);
    if (equals == std::string_view::npos) return {};
    const std::string name = lower(trimmed(type.substr(at, equals - at)));
    std::string value;
    at = equals + 1;
    if (at < type.size() && type[at] == '"') {
      for (++at; at < type.size() && type[at] != '"'; ++at) {
        if (type[at] == '\\' && at + 1 < type.size()) ++at;
        value += type[at];
      }
      at = type.find(';', at);
    } else {
      const std::size_t end = type.find(';', at);
      value = trimmed(type.substr(at, end == std::string_view::npos ? end : end - at));
      at = end;
    }
    if (name == "boundary") boundary = value;
  }
  const bool printable =
      std::all_of(boundary.begin(), boundary.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
  return printable && boundary.size() <= kLongestBoundary ? boundary : std::string{};
}

MultipartReader::MultipartReader(const std::string& boundary, Sink sink)
    : delimiter_("\r\n--" + boundary),
      held_("\r\n"),
      sink_(std::move(sink)) {}  // the first may stand at the very start

void MultipartReader::feed(std::span<const char> bytes) {
  if (state_ == State::kEpilogue) return;
  held_.append(bytes.data(), bytes.size());
  while (take()) {
  }
}

/// One step; false when it needs more bytes.
bool MultipartReader::take() {
  switch (state_) {
    case State::kPreamble: return find_delimiter(false);
    case State::kAfterDelimiter: return after_delimiter();
    case State::kHeaders: return headers();
    case State::kBody: return find_delimiter(true);
    case State::kEpilogue: held_.clear(); return false;
  }
  return false;
}

/// What surely precedes a delimiter is passed on; the rest waits.
bool MultipartReader::find_delimiter(bool inside) {
  const std::size_t found = held_.find(delimiter_);
  const bool whole = found != std::string::npos;
  const std::size_t sure = whole ? found : held_.size() - std::min(held_.size(), delimiter_.size() - 1);
  if (inside && sure > 0) sink_.data(std::span<const char>(held_).first(sure));
  held_.erase(0, whole ? found + delimiter_.size() : sure);
  if (!whole) return false;
  if (inside) sink_.end();
  state_ = State::kAfterDelimiter;
  return true;
}

bool MultipartReader::after_delimiter() {
  if (held_.size() >= 2 && held_.compare(0, 2, "--") == 0) {
    state_ = State::kEpilogue;
    return true;
  }
  const std::size_t end = held_.find("\r\n");
  if (end == std::string::npos) {
    if (held_.size() > kMostHeaders) corrupt("its parts are not parted as they should be");
    return false;
  }
  if (held_.find_first_not_of(" \t") < end) corrupt("its parts are not parted as they should be");
  held_.erase(0, end);  // the line break stays: headers may be none at all
  state_ = State::kHeaders;
  return true;
}

bool MultipartReader::headers() {
  const std::size_t end = held_.find("\r\n\r\n");
  if (end == std::string::npos || end > kMostHeaders) {
    if (held_.size() > kMostHeaders) corrupt("the headers of a part do not end");
    return false;
  }
  std::string type;
  for (std::size_t at = 0; at < end;) {
    at += 2;
    const std::size_t line_end = std::min(end, held_.find("\r\n", at));
    const std::string_view line = std::string_view(held_).substr(at, line_end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && lower(line.substr(0, colon)) == "content-type")
      type = trimmed(line.substr(colon + 1));
    at = line_end;
  }
  held_.erase(0, end + 4);
  state_ = State::kBody;
  ++parts_;
  sink_.begin(type);
  return true;
}

void MultipartReader::finish() const {
  if (state_ != State::kEpilogue) corrupt("it was cut off before its end");
}

}  // namespace fovea::io::dicomweb
