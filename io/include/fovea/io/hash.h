// SHA-256 (OpenSSL) as lower-case hexadecimal: how weights and inputs are identified in results.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace fovea::io {

std::string sha256(std::span<const std::byte> bytes);
std::string sha256_of_file(const std::filesystem::path& path);  ///< streams the file; Error(kNotFound) if unreadable

}  // namespace fovea::io
