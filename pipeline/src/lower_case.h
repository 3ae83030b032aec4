// Names and file suffixes compared without regard to case, in every locale alike.
#pragma once

#include <algorithm>
#include <string>

namespace fovea::pipeline {

/// Letters of ASCII; bytes of other letters stay.
inline std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return text;
}

}  // namespace fovea::pipeline
