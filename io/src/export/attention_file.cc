#include <fovea/io/attention_file.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "core/hdf5_handle.h"

namespace fovea::io {
namespace {

constexpr const char* kMakeAgain = "Run the prediction again.";

void require_shapes(const std::string& subject, const AttentionFile& file) {
  const auto tiles = static_cast<std::int64_t>(file.coords.size() / 2);
  const auto maps = static_cast<std::size_t>(file.branches * tiles);
  if (file.branches < 1 || file.raw.size() != maps || file.softmax.size() != maps ||
      file.value.size() != static_cast<std::size_t>(tiles) || !(file.footprint_px > 0))
    throw Error(ErrorCode::kCorrupt, subject, "its arrays do not fit each other", kMakeAgain);
}

TissueRegion region_of(const nlohmann::json& feature) {
  TissueRegion region;
  for (const auto& points : feature.at("geometry").at("coordinates")) {
    auto& ring = region.rings.emplace_back();
    for (const auto& point : points) ring.emplace_back(point.at(0).get<double>(), point.at(1).get<double>());
  }
  const auto& measured = feature.at("properties").at("measurements").at("area_mm2");
  region.area_mm2 = measured.is_number() ? measured.get<double>() : 0;
  return region;
}

}  // namespace

AttentionFile read_attention_h5(const std::filesystem::path& path) {
  const std::string subject = path.filename().string();
  const h5::Handle file = h5::open_file(path);
  AttentionFile out;
  try {
    out.coords = to_int64(h5::read_dataset(file, "coords"));
    out.raw = to_float(h5::read_dataset(file, "attention_raw"));
    out.softmax = to_float(h5::read_dataset(file, "attention_softmax"));
    out.value = to_float(h5::read_dataset(file, "attention_scores"));
    out.footprint_px = h5::number_attribute(file, ".", "footprint_px").value_or(0);
    out.branches = std::llround(h5::number_attribute(file, ".", "branches").value_or(1));
    for (const auto& [name, text] : h5::attributes(file, "."))
      if (name == "value") out.value_name = text;
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    throw Error(ErrorCode::kCorrupt, subject, "this is not the attention of a slide", kMakeAgain);
  }
  require_shapes(subject, out);
  return out;
}

std::vector<TissueRegion> read_tissue_geojson(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.filename().string(), "the outlines cannot be read",
                "Check the path and its permissions.");
  // Our writer puts one feature on a line and tissue before tiles: 100 000 tiles need not be parsed.
  std::vector<TissueRegion> regions;
  try {
    std::string line;
    std::getline(stream, line);
    while (std::getline(stream, line)) {
      while (!line.empty() && (line.back() == ',' || line.back() == '\r')) line.pop_back();
      const auto feature = nlohmann::json::parse(line, nullptr, false);
      if (!feature.is_object() || feature.at("properties").at("objectType") != "annotation") break;
      regions.push_back(region_of(feature));
    }
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::kCorrupt, path.filename().string(), "its outlines cannot be understood", kMakeAgain);
  }
  return regions;
}

}  // namespace fovea::io
