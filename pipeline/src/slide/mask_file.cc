#include "slide/mask_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <vector>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "slide/mask_ops.h"

namespace fovea::pipeline::slide {
namespace {

using Json = nlohmann::json;
using Ring = std::vector<std::pair<double, double>>;  // in mask pixels

io::Image picture_mask(const std::filesystem::path& path, const OverviewGrid& grid, const io::SlideInfo& info) {
  const io::Image picture = io::read_image(path);
  const double shape = static_cast<double>(picture.width) / picture.height;
  const double wanted = static_cast<double>(info.bounds_width) / static_cast<double>(info.bounds_height);
  if (std::abs(shape / wanted - 1) > 0.02)
    throw Error(ErrorCode::kShape, path.filename().string(),
                "the mask of " + std::to_string(picture.width) + " x " + std::to_string(picture.height) +
                    " px has not the shape of the slide (" + std::to_string(info.bounds_width) + " x " +
                    std::to_string(info.bounds_height) + " px)",
                "Give a mask that covers the whole scanned area.");
  io::Image mask(grid.width, grid.height, 1);
  for (int y = 0; y < grid.height; ++y) {
    const double down = (y + 0.5) * grid.frame.pixel_px / static_cast<double>(info.bounds_height);
    for (int x = 0; x < grid.width; ++x) {
      const double across = (x + 0.5) * grid.frame.pixel_px / static_cast<double>(info.bounds_width);
      const std::uint8_t* pixel = picture.at(std::min(picture.width - 1, static_cast<int>(across * picture.width)),
                                             std::min(picture.height - 1, static_cast<int>(down * picture.height)));
      const int brightness = picture.channels >= 3 ? grey(pixel) : *pixel;
      *mask.at(x, y) = brightness > 127 ? 255 : 0;
    }
  }
  return mask;
}

/// Even-odd filling at pixel centres; rings of one polygon together, so that holes stay open.
void fill_polygon(const std::vector<Ring>& rings, io::Image& mask) {
  for (int y = 0; y < mask.height; ++y) {
    std::vector<double> crossings;
    const double line = y + 0.5;
    for (const Ring& ring : rings) {
      for (std::size_t i = 0, j = ring.size() - 1; i < ring.size(); j = i++) {
        const auto [x0, y0] = ring[j];
        const auto [x1, y1] = ring[i];
        if ((y0 <= line) != (y1 <= line)) crossings.push_back(x0 + (line - y0) / (y1 - y0) * (x1 - x0));
      }
    }
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const double width = mask.width;
      const int begin = static_cast<int>(std::clamp(std::ceil(crossings[i] - 0.5), 0.0, width));
      const int end = static_cast<int>(std::clamp(std::ceil(crossings[i + 1] - 0.5), 0.0, width));
      if (begin < end) std::fill(mask.at(begin, y), mask.at(begin, y) + (end - begin), std::uint8_t{255});
    }
  }
}

/// Far outside is outside: differences of what is left never overflow.
double pixel(double level0, const OverviewGrid& grid) {
  constexpr double kFar = 1e9;
  return std::clamp(level0 / grid.frame.pixel_px, -kFar, kFar);
}

void fill_json_polygon(const Json& polygon, const OverviewGrid& grid, io::Image& mask) {
  std::vector<Ring> rings;
  for (const Json& points : polygon) {
    Ring ring;
    for (const Json& point : points)
      ring.emplace_back(pixel(point.at(0).get<double>() - grid.frame.origin_x, grid),
                        pixel(point.at(1).get<double>() - grid.frame.origin_y, grid));
    if (!ring.empty()) rings.push_back(std::move(ring));
  }
  fill_polygon(rings, mask);
}

void fill_feature(const Json& feature, const OverviewGrid& grid, io::Image& mask) {
  const Json& geometry = feature.contains("geometry") ? feature.at("geometry") : feature;
  const std::string type = geometry.at("type").get<std::string>();
  if (type == "Polygon") {
    fill_json_polygon(geometry.at("coordinates"), grid, mask);
  } else if (type == "MultiPolygon") {
    for (const Json& polygon : geometry.at("coordinates")) fill_json_polygon(polygon, grid, mask);
  }
}

io::Image geojson_mask(const std::filesystem::path& path, const OverviewGrid& grid) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.filename().string(), "the tissue mask cannot be read",
                "Check the path and its permissions.");
  io::Image mask(grid.width, grid.height, 1);
  try {
    const Json root = Json::parse(stream);
    if (root.is_object() && !root.contains("features")) {
      fill_feature(root, grid, mask);
    } else {
      for (const Json& feature : root.is_array() ? root : root.at("features")) fill_feature(feature, grid, mask);
    }
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kCorrupt, path.filename().string(), "this is not GeoJSON with polygons",
                "Export it again, for instance from QuPath.");
  }
  return mask;
}

}  // namespace

io::Image read_mask_file(const std::filesystem::path& path, const OverviewGrid& grid, const io::SlideInfo& info) {
  const std::string extension = path.extension().string();
  return extension == ".geojson" || extension == ".json" ? geojson_mask(path, grid) : picture_mask(path, grid, info);
}

}  // namespace fovea::pipeline::slide
