// DICOMweb's two parsers: multipart in any pieces, DICOM JSON of any shape. The protocol:
// tests/python/dicomweb_test.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/dicomweb.h>

#include "dicomweb/dicom_json.h"
#include "dicomweb/multipart.h"

namespace {

using namespace fovea;
using namespace fovea::io::dicomweb;
using testing::ElementsAre;
using testing::HasSubstr;

struct Part {
  std::string type, data;
  bool ended = false;
  bool operator==(const Part&) const = default;
};

/// Fed in pieces of `step` bytes.
std::vector<Part> parts_of(const std::string& text, std::size_t step, const std::string& boundary = "b") {
  std::vector<Part> parts;
  MultipartReader reader(boundary,
                         {[&](const std::string& type) {
                            parts.push_back({type, "", false});
                          },
                          [&](std::span<const char> bytes) { parts.back().data.append(bytes.data(), bytes.size()); },
                          [&] { parts.back().ended = true; }});
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::string piece = text.substr(at, step);
    reader.feed(piece);
  }
  reader.finish();
  return parts;
}

TEST(Multipart, IsTheSameInPiecesOfAnySize) {
  const std::string text =
      "a preamble\r\n--b\r\nContent-Type: application/dicom\r\nX: y\r\n\r\none\r\n--bx is no end, nor \r\n--\r\n--b "
      "\r\n\r\n"
      "\r\n\r\n--b\r\ncontent-TYPE:text/plain\r\n\r\n\r\n--b--\r\nan epilogue";
  // "\r\n--bx" would be a malformed delimiter: another boundary is looked for below.
  const std::string safe = [&] {
    std::string copy = text;
    copy.replace(copy.find("--bx"), 4, "--cx");
    return copy;
  }();
  for (std::size_t step = 1; step <= safe.size(); ++step)
    EXPECT_THAT(parts_of(safe, step), ElementsAre(Part{"application/dicom", "one\r\n--cx is no end, nor \r\n--", true},
                                                  Part{"", "\r\n", true}, Part{"text/plain", "", true}))
        << step;
}

TEST(Multipart, BrokenOnesAreSaid) {
  const auto said = [](const std::string& text) -> std::string {
    try {
      parts_of(text, 7);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
      return error.problem();
    }
    return "";
  };
  for (const char* cut :
       {"", "--b", "--b\r\n", "--b\r\nA: b\r\n\r\nhalf", "--b\r\n\r\n\r\nx\r\n--b\r\n", "<html>no</html>"})
    EXPECT_EQ(said(cut), "it was cut off before its end") << cut;
  EXPECT_THAT(said("--b\r\n" + std::string(20'000, 'h')), HasSubstr("headers of a part do not end"));
  EXPECT_THAT(said("--bad\r\n\r\n\r\n"), HasSubstr("not parted"));
}

TEST(Multipart, BoundariesAreFoundInAnyHeader) {
  EXPECT_EQ(boundary_of("multipart/related; type=\"application/dicom\"; boundary=abc"), "abc");
  EXPECT_EQ(boundary_of("Multipart/Related;BOUNDARY=\"a;b=c\\\"d\" ; type=x"), "a;b=c\"d");
  for (const char* none :
       {"", "multipart/related", "multipart/related; boundary", "text/html; boundary=", "a; boundary=\"x\ny\""})
    EXPECT_EQ(boundary_of(none), "") << none;
  EXPECT_EQ(boundary_of("a/b; boundary=" + std::string(71, 'x')), "");
  EXPECT_EQ(media_type_of(" Application/DICOM+json ; charset=utf-8"), "application/dicom+json");
}

TEST(DicomJson, ValuesOfEveryKind) {
  const auto sets = data_sets(R"([{"0020000D":{"vr":"UI","Value":["1.2.3"]},
      "00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B"},{"Ideographic":"\u5c71"}]},
      "00080061":{"vr":"CS","Value":["MR","SEG"]},"00201208":{"vr":"IS","Value":[12]},"00201206":{"vr":"IS","Value":["7"]},
      "0008103E":{"vr":"LO","Value":["a\u001b[31mb",null]},"00080050":{"vr":"SH"},"00081198":{"vr":"SQ","Value":[{"a":1}]}}])");
  ASSERT_EQ(sets.size(), 1u);
  const nlohmann::json& set = sets.front();
  EXPECT_EQ(text_of(set, "0020000D"), "1.2.3");
  EXPECT_EQ(text_of(set, "00100010"), "A^B\\\xE5\xB1\xB1");
  EXPECT_EQ(text_of(set, "00080061"), "MR\\SEG");
  EXPECT_EQ(text_of(set, "0008103E"), "a?[31mb\\");
  EXPECT_EQ(text_of(set, "00080050"), "");
  EXPECT_EQ(count_of(set, "00201208"), 12);
  EXPECT_EQ(count_of(set, "00201206"), 7);
  EXPECT_EQ(count_of(set, "00100010"), -1);
  EXPECT_EQ(items_of(set, "00081198").size(), 1u);
}

TEST(DicomJson, WhatIsNoneIsSaidAndWhatIsOddIsEmpty) {
  for (const char* none : {"", " \n", "[]", "null"}) EXPECT_TRUE(data_sets(none).empty()) << none;
  for (const std::string& bad : {std::string("{"), std::string("<html>"), std::string("7"), std::string(100'000, '[')})
    EXPECT_THROW(data_sets(bad), Error) << bad.substr(0, 20);
  for (const char* odd : {"[1]", "[[]]", R"([{"0020000D":1}])", R"([{"0020000D":{"Value":{}}}])"})
    for (const auto& set : data_sets(odd)) EXPECT_EQ(text_of(set, "0020000D"), "") << odd;
}

TEST(WebPeer, UrlsThatAreRefused) {
  const auto said = [](const std::string& url, const std::string& token = "") -> std::string {
    try {
      io::WebPeer peer;
      peer.url = url, peer.token = token, peer.attempts = 1, peer.timeout_s = 1;
      io::web_find(peer, {});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  for (const char* bad : {"", "pacs.example/dicom-web", "ftp://pacs.example/", "file:///etc/passwd", "http://"})
    EXPECT_THAT(said(bad), HasSubstr("--url: ")) << bad;
  EXPECT_THAT(said("https://user:secret@pacs.example/"), HasSubstr("do not belong into a URL"));
  EXPECT_THAT(said("https://pacs.example/a?b=c"), HasSubstr("must end with the service's path"));
  EXPECT_THAT(said("http://pacs.example/", "token"), HasSubstr("in the clear"));
  EXPECT_THAT(said("http://127.0.0.1:9/", "token"), HasSubstr("http://127.0.0.1:9: no connection came about"));
}

}  // namespace
