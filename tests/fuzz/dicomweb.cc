#include <nlohmann/json.hpp>

#include "dicomweb/dicom_json.h"
#include "dicomweb/multipart.h"
#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  return {
      "\x05multipart/related; type=\"application/dicom\"; boundary=b\n--b\r\nContent-Type: application/dicom\r\n\r\n"
      "abc\r\n--b\r\n\r\n\r\n--b--",
      "\x40"
      "multipart/related; boundary=\"a b\"\nx\r\n--a b\r\nA: b\r\n\r\n\r\n--a\r\n--a b--\r\nend",
      "\x80[{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]},\"00100010\":{\"Value\":[{\"Alphabetic\":\"A^B\"}]},"
      "\"00081198\":{\"Value\":[{\"00081197\":{\"Value\":[42752]}}]}}]"};
}

/// First byte: above 127 the rest is JSON; else the size of the pieces in which a multipart body of the content type in
/// the first line comes. In pieces or at once, it is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  using namespace fovea::io::dicomweb;
  if (size < 2) return 0;
  const std::string_view text = fuzz::as_text(data + 1, size - 1);
  if (data[0] > 127) {
    try {
      for (const nlohmann::json& set : data_sets(text)) {
        for (const char* tag : {"0020000D", "00100010", "0008103E"})
          for (const char letter : text_of(set, tag))
            if (static_cast<unsigned char>(letter) < 0x20) __builtin_trap();
        count_of(set, "00201208");
        for (const nlohmann::json& item : items_of(set, "00081198")) count_of(item, "00081197");
      }
    } catch (const Error&) {
    }
    return 0;
  }
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string boundary = boundary_of(text.substr(0, line));
  if (boundary.empty()) return 0;
  const std::string_view body = text.substr(line + 1);
  const auto read = [&](std::size_t step) {
    std::string seen;
    try {
      MultipartReader reader(boundary, {[&](const std::string& type) { seen += "[" + type + "]"; },
                                        [&](std::span<const char> bytes) { seen.append(bytes.data(), bytes.size()); },
                                        [&] { seen += "|"; }});
      for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
      reader.finish();
      seen += "whole";
    } catch (const Error& error) {
      return "broken: " + error.problem();
    }
    return seen;
  };
  const std::string whole = read(body.size() + 1), pieces = read(std::size_t{1} + data[0]);
  // Where two things are wrong, the pieces decide which is seen first.
  if (whole != pieces && (whole.rfind("broken", 0) != 0 || pieces.rfind("broken", 0) != 0)) __builtin_trap();
  return 0;
}
