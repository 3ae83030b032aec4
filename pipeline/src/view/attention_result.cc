#include <fovea/pipeline/attention_result.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/attention_file.h>
#include <fovea/io/colormap.h>
#include <fovea/pipeline/text_file.h>

#include "slide/attention_values.h"
#include "slide/heatmap.h"

namespace fovea::pipeline {
namespace {

constexpr int kGreatestEdge = 2048;

/// The largest square in which all corners and edges lie on whole pixels.
std::int64_t common_step(const std::vector<std::int64_t>& coords, double footprint_px) {
  std::int64_t step = std::llround(footprint_px);
  for (std::size_t i = 2; i < coords.size(); ++i) step = std::gcd(step, std::abs(coords[i] - coords[i % 2]));
  return std::max<std::int64_t>(1, step);
}

void read_classes(const nlohmann::json& json, SlideResult& result) {
  for (const auto& row : json.at("classes"))
    result.classes.push_back({row.at("name").get<std::string>(), row.at("probability").get<double>()});
  std::stable_sort(result.classes.begin(), result.classes.end(),
                   [](const auto& a, const auto& b) { return a.probability > b.probability; });
  for (const auto& notice : json.value("notices", nlohmann::json::array()))
    result.notices.push_back(notice.get<std::string>());
}

}  // namespace

std::vector<float> AttentionResult::attention(std::int64_t branch) const {
  return slide::branch_attention(softmax, branches, branch);
}

std::vector<std::int64_t> AttentionResult::top(std::int64_t branch, std::size_t count) const {
  const std::vector<float> values = attention(branch);
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, order.size());
  const auto more = [&](std::int64_t a, std::int64_t b) {
    const float left = values[static_cast<std::size_t>(a)], right = values[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), more);
  order.resize(count);
  return order;
}

std::vector<std::int64_t> AttentionResult::ranks(std::int64_t branch) const {
  const std::vector<std::int64_t> order = top(branch, tiles());
  std::vector<std::int64_t> rank(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    rank[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i) + 1;
  return rank;
}

std::int64_t AttentionResult::tile_at(double x, double y, const std::vector<float>& values) const {
  std::int64_t found = -1;
  for (std::size_t i = 0; i < tiles(); ++i) {
    const double dx = x - static_cast<double>(coords[2 * i]), dy = y - static_cast<double>(coords[2 * i + 1]);
    if (dx < 0 || dy < 0 || dx >= footprint_px || dy >= footprint_px) continue;
    if (found < 0 || values[i] > values[static_cast<std::size_t>(found)]) found = static_cast<std::int64_t>(i);
  }
  return found;
}

AttentionRaster AttentionResult::raster(std::int64_t branch, std::string_view scale) const {
  AttentionRaster raster;
  const std::vector<float> shares = attention(branch);
  const slide::DrawnValues drawn = slide::drawn_values(shares, scale);
  raster.caption = drawn.caption, raster.low = drawn.low, raster.high = drawn.high;
  if (coords.empty()) return raster;
  double right = std::numeric_limits<double>::lowest(), lower = right;
  raster.x0 = raster.y0 = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < tiles(); ++i) {
    const auto x = static_cast<double>(coords[2 * i]), y = static_cast<double>(coords[2 * i + 1]);
    raster.x0 = std::min(raster.x0, x), raster.y0 = std::min(raster.y0, y);
    right = std::max(right, x + footprint_px), lower = std::max(lower, y + footprint_px);
  }
  raster.pixel_px = static_cast<double>(common_step(coords, footprint_px));
  const double extent = std::max(right - raster.x0, lower - raster.y0);
  if (extent > raster.pixel_px * kGreatestEdge) raster.pixel_px = extent / kGreatestEdge;
  raster.width = static_cast<int>(std::ceil((right - raster.x0) / raster.pixel_px - 1e-9));
  raster.height = static_cast<int>(std::ceil((lower - raster.y0) / raster.pixel_px - 1e-9));
  slide::HeatmapContent content;
  content.coords = coords, content.value = drawn.value, content.footprint_px = footprint_px;
  content.frame = {raster.x0, raster.y0, raster.pixel_px, 0};
  const slide::ScoreBand band = slide::score_band(content, raster.width, 0, raster.height);
  raster.value.resize(band.sum.size());
  for (std::size_t i = 0; i < band.sum.size(); ++i)
    raster.value[i] = band.count[i] == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(band.mean(i));
  return raster;
}

AttentionResult read_attention(const std::filesystem::path& file) {
  io::AttentionFile read = io::read_attention_h5(file);
  AttentionResult result;
  result.coords = std::move(read.coords), result.softmax = std::move(read.softmax);
  result.footprint_px = read.footprint_px, result.branches = read.branches;
  return result;
}

SlideResult read_slide_result(const std::filesystem::path& folder) {
  SlideResult result;
  if (!std::filesystem::exists(folder / "prediction.json"))
    throw Error(ErrorCode::kNotFound, "prediction.json", "this folder holds no prediction",
                "Run the prediction first.");
  result.json = read_text_file(folder / "prediction.json");
  try {
    const auto json = nlohmann::json::parse(result.json);
    read_classes(json, result);
    const auto tiles = json.at("tiles").at("used").get<std::size_t>();
    if (std::filesystem::exists(folder / "attention.h5")) {
      result.attention = read_attention(folder / "attention.h5");
      if (result.attention.tiles() != tiles)
        throw Error(ErrorCode::kCorrupt, "attention.h5",
                    "it holds " + std::to_string(result.attention.tiles()) + " tiles, prediction.json says " +
                        std::to_string(tiles),
                    "Run the prediction again.");
    }
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::kCorrupt, "prediction.json", "it cannot be understood", "Run the prediction again.");
  }
  if (std::filesystem::exists(folder / "heatmap.geojson"))
    for (io::TissueRegion& region : io::read_tissue_geojson(folder / "heatmap.geojson"))
      result.tissue.push_back(std::move(region.rings));
  return result;
}

}  // namespace fovea::pipeline
