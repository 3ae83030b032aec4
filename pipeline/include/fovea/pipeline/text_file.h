// Small files of front ends (requests, regions, reports): whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace fovea::pipeline {

/// Beside the target, fsync, rename. Error(kWriteFailed): an old file stays as it was.
void write_text_file(const std::filesystem::path& path, std::string_view bytes);
/// Error(kNotFound).
std::string read_text_file(const std::filesystem::path& path);

}  // namespace fovea::pipeline
