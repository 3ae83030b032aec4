// Tile encoders against stored embeddings: a JSON list of tiles with the picture's name and the expected numbers.
#include <algorithm>
#include <fstream>
#include <optional>

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/image.h>
#include <fovea/models/encoder.h>

#include "model_store.h"
#include "selftest/case_file.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::selftest {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

bool is_embeddings(const Json& json) {
  if (!json.is_object() || !json.contains("tiles") || !json["tiles"].is_array() || json["tiles"].empty()) return false;
  return std::all_of(json["tiles"].begin(), json["tiles"].end(), [](const Json& tile) {
    return tile.is_object() && tile.contains("png") && tile.contains("embedding");
  });
}

/// "efficientnet-lite0 (ImageNet-1k, ...)" -> "efficientnet_lite0".
std::string encoder_name(const Json& json) {
  std::string name = json.value("model", "");
  name = name.substr(0, name.find(' '));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// [1, height, width, 3], as the encoder takes it.
at::Tensor tile_tensor(const fs::path& png) {
  const io::Image image = io::read_image(png);
  if (image.channels != 3)
    throw Error(ErrorCode::kUnsupported, png.string(), "the tile is not an RGB picture", "Use an intact fixture.");
  return to_tensor(io::make_array<std::uint8_t>(image.pixels, {1, image.height, image.width, 3}));
}

at::Tensor numbers(const Json& list) {
  return at::tensor(list.get<std::vector<double>>());
}

void check_tiles(const Json& json, const fs::path& folder, const models::TileEncoder* encoder, CaseReport& report) {
  std::vector<at::Tensor> tiles;
  for (const Json& tile : json["tiles"])
    tiles.push_back(tile_tensor(folder / fs::path(tile["png"].get<std::string>()).filename()));
  const at::Tensor together = encoder ? encoder->encode(at::cat(tiles)) : at::Tensor();
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const Json& tile = json["tiles"][i];
    const std::string name = "tile " + std::to_string(i) + " ";
    if (tile.contains("rgb_mean"))
      report.compare(name + "rgb_mean", numbers(tile["rgb_mean"]), {tiles[i].to(at::kDouble).mean({0, 1, 2})},
                     tolerance(Quantity::kPixelMean));
    if (!encoder) {
      report.unchecked(name + "embedding", "the encoder's weights are not installed");
      continue;
    }
    const auto row = static_cast<std::int64_t>(i);
    report.compare(name + "embedding", numbers(tile["embedding"]),
                   {together.slice(0, row, row + 1), encoder->encode(tiles[i])}, tolerance(Quantity::kEmbedding));
  }
}

}  // namespace

std::optional<CaseReport> run_json_case(const fs::path& path, const RunOptions&) {
  std::ifstream stream(path, std::ios::binary);
  const Json json = Json::parse(stream, nullptr, false);
  if (!is_embeddings(json)) return {};
  CaseReport report{path.string(), "tile encoder case", {}};
  const std::string name = encoder_name(json);
  LoadedEncoder loaded;
  if (find_encoder_weights(name))
    loaded = load_encoder(name, false);
  else
    models::encoder(name);  // an encoder that is not in the registry is an error, not a missing file
  check_tiles(json, fs::absolute(path).parent_path(), loaded.encoder.get(), report);
  return report;
}

}  // namespace fovea::pipeline::selftest
