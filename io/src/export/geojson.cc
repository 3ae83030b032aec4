// GeoJSON as QuPath >= 0.4 reads it: tissue as annotations, tiles with measurements, streamed feature by feature.
#include <fovea/io/attention_export.h>

#include <charconv>
#include <cmath>
#include <fstream>

#include <fovea/io/atomic_file.h>
#include <fovea/io/colormap.h>
#include <fovea/io/hash.h>

namespace fovea::io {
namespace {

/// Shortest text that reads back the same; GeoJSON knows no NaN.
std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}
std::string number(float value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// A version-5 style UUID from the feature's content: the same result has the same identifiers.
std::string uuid_of(const std::string& content) {
  std::string hex = sha256(std::as_bytes(std::span<const char>(content))).substr(0, 32);
  hex[12] = '5';
  hex[16] = "89ab"[(hex[16] <= '9' ? hex[16] - '0' : hex[16] - 'a' + 10) & 3];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

std::string rgb_text(const Rgb& rgb) {
  return "[" + std::to_string(rgb[0]) + "," + std::to_string(rgb[1]) + "," + std::to_string(rgb[2]) + "]";
}

std::string feature(const std::string& coordinates, const std::string& properties) {
  return R"({"type":"Feature","id":")" + uuid_of(coordinates + properties) +
         R"(","geometry":{"type":"Polygon","coordinates":)" + coordinates + R"(},"properties":{)" + properties + "}}";
}

std::string tissue_feature(const TissueRegion& region, std::size_t index) {
  std::string rings;
  for (const auto& ring : region.rings) {
    std::string points;
    for (const auto& [x, y] : ring) points += (points.empty() ? "[" : ",[") + number(x) + "," + number(y) + "]";
    rings += (rings.empty() ? "[" : ",[") + points + "]";
  }
  return feature(
      "[" + rings + "]",
      R"("objectType":"annotation","name":"Tissue )" + std::to_string(index + 1) +
          R"(","classification":{"name":"Tissue","color":[120,120,120]},"isLocked":true,"measurements":{"area_mm2":)" +
          number(region.area_mm2) + "}");
}

std::string tile_feature(const TileAttention& tiles, std::size_t index, std::size_t count) {
  const double x0 = static_cast<double>(tiles.coords[2 * index]), y0 = static_cast<double>(tiles.coords[2 * index + 1]);
  const std::string left = number(x0), top = number(y0), right = number(x0 + tiles.footprint_px),
                    bottom = number(y0 + tiles.footprint_px);
  std::string measurements = "\"" + tiles.value_name + "\":" + number(tiles.value[index]);
  for (std::size_t branch = 0; branch < static_cast<std::size_t>(tiles.branches); ++branch) {
    const std::string suffix = tiles.branches > 1 ? "_branch_" + std::to_string(branch) : "";
    measurements += ",\"attention" + suffix + "\":" + number(tiles.softmax[branch * count + index]);
    measurements += ",\"score" + suffix + "\":" + number(tiles.raw[branch * count + index]);
  }
  for (const auto& [name, values] : tiles.more) measurements += ",\"" + name + "\":" + number(values[index]);
  const std::string colour_text = rgb_text(colour("viridis", tiles.value[index]));
  return feature("[[[" + left + "," + top + "],[" + right + "," + top + "],[" + right + "," + bottom + "],[" + left +
                     "," + bottom + "],[" + left + "," + top + "]]]",
                 R"("objectType":"tile","color":)" + colour_text + R"(,"classification":{"name":"Attention","color":)" +
                     colour_text + R"(},"measurements":{)" + measurements + "}");
}

}  // namespace

void write_geojson(const std::filesystem::path& path, const TileAttention& tiles,
                   const std::vector<TissueRegion>& tissue) {
  write_with(path, [&](const std::filesystem::path& temporary) {
    std::ofstream stream(temporary, std::ios::binary);
    stream.exceptions(std::ios::failbit | std::ios::badbit);
    stream << R"({"type":"FeatureCollection","features":[)";
    const char* separator = "\n";
    for (std::size_t i = 0; i < tissue.size(); ++i, separator = ",\n")
      stream << separator << tissue_feature(tissue[i], i);
    const std::size_t count = tiles.coords.size() / 2;
    for (std::size_t i = 0; i < count; ++i, separator = ",\n") stream << separator << tile_feature(tiles, i, count);
    stream << "\n]}\n";
    stream.close();
  });
}

}  // namespace fovea::io
