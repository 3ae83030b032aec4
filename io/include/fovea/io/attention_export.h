// What a slide prediction leaves on disk besides its JSON: tile attention for viewers and scripts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fovea::io {

/// Attention of N tiles in K branches. All spans are borrowed.
struct TileAttention {
  std::span<const std::int64_t> coords;  ///< 2N, level-0 top-left corners
  double footprint_px = 0;               ///< tile edge on level 0
  std::span<const float> raw;            ///< [K, N] scores before softmax
  std::span<const float> softmax;        ///< [K, N]
  std::span<const float> value;          ///< [N] the drawn value in 0..1 (percentile rank by default)
  std::string value_name = "attention_percentile";
  std::int64_t branches = 1;
  std::vector<std::pair<std::string, std::span<const float>>> more{};  ///< further measurements, [N] each, by name
};

/// Polygon of a tissue region in level-0 pixels: outer ring then holes, each closed.
struct TissueRegion {
  std::vector<std::vector<std::pair<double, double>>> rings;
  double area_mm2 = 0;
};

/// QuPath >= 0.4: tissue as `annotation`, tiles as `tile` with measurements; streamed, never built in memory. Atomic.
void write_geojson(const std::filesystem::path& path, const TileAttention& tiles,
                   const std::vector<TissueRegion>& tissue);

/// HDF5: `coords` int64 [N,2], `attention_raw` and `attention_softmax` float32 [K,N], `attention_scores` float32 [N,1]
/// (CLAM's blockmap name, the drawn value); attributes `footprint_px`, `branches`, `value`. Atomic.
void write_attention_h5(const std::filesystem::path& path, const TileAttention& tiles);

}  // namespace fovea::io
