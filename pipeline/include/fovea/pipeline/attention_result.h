// What `slide predict` left in its folder, for front ends that draw it: classes, attention of tiles, tissue outlines.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::pipeline {

struct ClassProbability {
  std::string name;
  double probability = 0;
};

/// Attention as one small picture: `value[row * width + column]`, NaN where no tile lies. Pixel (column, row) covers
/// the square at (x0 + column * pixel_px, y0 + row * pixel_px) of level 0; where tiles overlap it is their mean.
struct AttentionRaster {
  int width = 0, height = 0;
  double x0 = 0, y0 = 0, pixel_px = 1;
  std::vector<float> value;  ///< in 0..1
  std::string caption;       ///< "attention, percentile rank"
  double low = 0, high = 1;  ///< what 0 and 1 stand for
};

class AttentionResult {
 public:
  std::vector<std::int64_t> coords;  ///< 2N, level-0 top-left corners
  double footprint_px = 0;           ///< tile edge on level 0
  std::int64_t branches = 1;
  std::vector<float> softmax;  ///< [K, N]; every branch sums to 1

  std::size_t tiles() const { return coords.size() / 2; }
  /// Attention of one branch, or their mean (-1). [N]
  std::vector<float> attention(std::int64_t branch) const;
  /// Tile numbers from the most attended on, at most `count`; of equal ones the first.
  std::vector<std::int64_t> top(std::int64_t branch, std::size_t count) const;
  /// Rank among all tiles for each: 1 = the most attended. [N]
  std::vector<std::int64_t> ranks(std::int64_t branch) const;
  /// The tile over a level-0 point, the most attended where several overlap; -1: none. `attention` of the branch shown.
  std::int64_t tile_at(double x, double y, const std::vector<float>& attention) const;
  /// scale: "percentile", "minmax", "raw" (as `slide predict --heatmap-scale`). At most 2048 pixels an edge.
  AttentionRaster raster(std::int64_t branch, std::string_view scale) const;
};

using Outline = std::vector<std::vector<std::pair<double, double>>>;  ///< rings in level-0 pixels, outer first

struct SlideResult {
  AttentionResult attention;  ///< no tiles: a bag without coordinates
  std::vector<Outline> tissue;
  std::vector<ClassProbability> classes;  ///< most likely first
  std::string json;                       ///< prediction.json as it stands
  std::vector<std::string> notices;
};

/// Error(kNotFound) when the folder holds no prediction, Error(kCorrupt) when its files do not fit each other.
SlideResult read_slide_result(const std::filesystem::path& folder);
/// attention.h5 alone, also the one that a live run draws anew (attention_live.h5).
AttentionResult read_attention(const std::filesystem::path& file);

}  // namespace fovea::pipeline
