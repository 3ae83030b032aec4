#include "jobs/value_text.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace fovea::pipeline {
namespace {

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::optional<bool> flag_of(const std::string& text) {
  for (const char* yes : {"true", "yes", "1"})
    if (text == yes) return true;
  for (const char* no : {"false", "no", "0"})
    if (text == no) return false;
  return {};
}

std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ';');)
    if (!item.empty()) items.push_back(item);
  return items;
}

}  // namespace

Value value_of_text(const Parameter& parameter, const std::string& text) {
  switch (parameter.type) {
    case ParameterType::kFlag:
      if (const auto flag = flag_of(text)) return *flag;
      return text;
    case ParameterType::kInteger:
      if (const auto whole = number_of<std::int64_t>(text)) return *whole;
      return text;
    case ParameterType::kNumber:
      if (const auto number = number_of<double>(text); number && std::isfinite(*number)) return *number;
      return text;
    case ParameterType::kTextList:
    case ParameterType::kFileList: return items_of(text);
    default: return text;
  }
}

}  // namespace fovea::pipeline
