// Result files read back: they may be of another version, or cut off.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::pipeline::mri {

inline Error damaged_json(const std::filesystem::path& path) {
  return Error(ErrorCode::kCorrupt, path.string(), "it is damaged or of another version", "Run the job again.");
}

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream stream(path);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.string(), "it cannot be read", "Check the path and its permissions.");
  nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  if (!json.is_object()) throw damaged_json(path);
  return json;
}

inline std::optional<double> optional_number(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

}  // namespace fovea::pipeline::mri
