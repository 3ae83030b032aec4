// Reading back what attention_export.h writes: attention of tiles, and the tissue outlines of the GeoJSON beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/attention_export.h>

namespace fovea::io {

struct AttentionFile {
  std::vector<std::int64_t> coords;  ///< 2N, level-0 top-left corners
  double footprint_px = 0;           ///< tile edge on level 0
  std::int64_t branches = 1;         ///< K
  std::vector<float> raw, softmax;   ///< [K, N]
  std::vector<float> value;          ///< [N] the drawn value
  std::string value_name;            ///< "attention_percentile"
};

/// attention.h5. Error(kNotFound / kCorrupt), also when its arrays do not fit each other.
AttentionFile read_attention_h5(const std::filesystem::path& path);

/// The tissue annotations at the head of heatmap.geojson; its tiles, which follow, are not read. Empty when there are
/// none. Error(kNotFound / kCorrupt).
std::vector<TissueRegion> read_tissue_geojson(const std::filesystem::path& path);

}  // namespace fovea::io
