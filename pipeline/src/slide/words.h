// Numbers as text in the C locale, whatever a front end has set: "0.499", "1.2".
#pragma once

#include <charconv>
#include <locale>
#include <sstream>
#include <string>

namespace fovea::pipeline::slide {

inline std::string number_text(double value, int significant_digits = 4) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(significant_digits);
  text << value;
  return text.str();
}

inline std::string fixed_text(double value, int decimals) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(decimals);
  text << std::fixed << value;
  return text.str();
}

/// The shortest text that reads back as the same number; empty when it is none.
template <class T>
std::string exact_text(T value) {
  if (!(value - value == 0)) return {};  // NaN and infinities
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace fovea::pipeline::slide
