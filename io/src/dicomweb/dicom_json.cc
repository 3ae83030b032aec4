#include "dicomweb/dicom_json.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::io::dicomweb {
namespace {

using Json = nlohmann::json;
constexpr int kDeepest = 64;

std::string one_text(const Json& value) {
  std::string text;
  if (value.is_string()) text = value.get<std::string>();
  if (value.is_number_integer()) text = std::to_string(value.get<std::int64_t>());
  if (value.is_object())
    for (const char* kind : {"Alphabetic", "Ideographic", "Phonetic"})
      if (const auto name = value.find(kind); text.empty() && name != value.end() && name->is_string())
        text = name->get<std::string>();
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  return text;
}

const Json* values_of(const Json& data_set, const char* tag) {
  if (!data_set.is_object()) return nullptr;
  const auto element = data_set.find(tag);
  if (element == data_set.end() || !element->is_object()) return nullptr;
  const auto values = element->find("Value");
  return values != element->end() && values->is_array() ? &*values : nullptr;
}

}  // namespace

std::vector<Json> data_sets(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  bool deep = false;
  Json json = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        deep = deep || depth > kDeepest;
        return !deep;
      },
      false);
  if (deep || json.is_discarded() || !(json.is_array() || json.is_object() || json.is_null()))
    throw Error(ErrorCode::kCorrupt, "answer", "it is no DICOM JSON", "Look into the server's log.");
  std::vector<Json> sets;
  if (json.is_object())
    sets.push_back(std::move(json));
  else if (json.is_array())
    for (Json& one : json) sets.push_back(std::move(one));
  return sets;
}

std::string text_of(const Json& data_set, const char* tag) {
  std::string text;
  if (const Json* values = values_of(data_set, tag))
    for (const Json& value : *values) text += (&value == &values->front() ? "" : "\\") + one_text(value);
  return text;
}

std::int64_t count_of(const Json& data_set, const char* tag) {
  const std::string text = text_of(data_set, tag);  // IS: a number, or its digits
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<Json> items_of(const Json& data_set, const char* tag) {
  const Json* values = values_of(data_set, tag);
  return values ? std::vector<Json>(values->begin(), values->end()) : std::vector<Json>{};
}

}  // namespace fovea::io::dicomweb
