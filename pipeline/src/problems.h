// Everything that is wrong with a request in one sentence, so that nobody corrects options one by one.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/base/error.h>

namespace fovea::pipeline {

inline std::string joined(const std::vector<std::string>& items, std::string_view separator) {
  std::string all;
  for (const std::string& item : items) all += (all.empty() ? "" : std::string(separator)) + item;
  return all;
}

/// What went wrong with one item of many, without its name.
inline std::string problem_of(const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  return known ? known->problem() : error.what();
}

/// Error(kUsage) with all `problems` of a command ("slide predict"), if there are any.
inline void refuse_problems(const std::vector<std::string>& problems, const std::string& command) {
  if (problems.empty()) return;
  throw Error(ErrorCode::kUsage, "fovea " + command, joined(problems, "; "), "See fovea " + command + " --help.");
}

}  // namespace fovea::pipeline
