// The entries of a zip archive whose members are stored, as torch.save writes them.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace fovea::io {

/// Name -> bytes of every entry (zip64 understood). Throws std::runtime_error: no zip, truncated, compressed member,
/// out of range.
std::map<std::string, std::span<const std::byte>> read_zip_directory(std::span<const std::byte> file);

}  // namespace fovea::io
