// Tile attention read back from attention.h5.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fovea::io {

/// TileAttention (attention_export.h) that owns its values, as `write_attention_h5` stored it.
struct StoredAttention {
  std::vector<std::int64_t> coords;
  double footprint_px = 0;
  std::vector<float> softmax, value;
  std::string value_name;
  std::int64_t branches = 1;
};

/// Error(kNotFound, kCorrupt): not a file of write_attention_h5, or counts that disagree.
StoredAttention read_attention_h5(const std::filesystem::path& path);

}  // namespace fovea::io
