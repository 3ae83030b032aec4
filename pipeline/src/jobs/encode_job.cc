// `encode`: pictures of single tiles -> features, to hold an encoder against its original.
#include "jobs.h"

#include <algorithm>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/image.h>
#include <fovea/io/weights.h>

#include "model_store.h"
#include "progress.h"
#include "slide/words.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kTilesAtOnce = 16;

/// [1, edge, edge, 3]
at::Tensor read_tile(const std::filesystem::path& path, const models::EncoderInfo& info) {
  const io::Image picture = io::read_image(path);
  if (picture.channels != 3 || picture.width != info.tile_px || picture.height != info.tile_px)
    throw Error(ErrorCode::kShape, path.filename().string(),
                "it is not an RGB picture of " + std::to_string(info.tile_px) + " x " + std::to_string(info.tile_px) +
                    " pixels, which " + info.name + " takes",
                "Cut or resample the tile first.");
  return to_tensor(io::make_array<std::uint8_t>(picture.pixels, {1, picture.height, picture.width, 3}));
}

Json colours_json(const std::array<double, 3>& values) {
  return Json::array({values[0], values[1], values[2]});
}

Json encoder_json(const LoadedEncoder& loaded) {
  const models::EncoderInfo& info = loaded.encoder->info();
  return {{"encoder", info.name},
          {"architecture", loaded.description.architecture},
          {"dim", info.dim},
          {"tile_px", info.tile_px},
          {"resize_px", info.resized_px()},
          {"input_px", info.network_px()},
          {"interpolation", info.interpolation == models::Interpolation::kBicubic ? "bicubic" : "bilinear"},
          {"mpp", info.mpp},
          {"mean", colours_json(info.mean)},
          {"std", colours_json(info.std)},
          {"parameters", loaded.description.parameters},
          {"sha256", loaded.description.sha256}};
}

JobResult encode(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  ProgressMeter meter(sink, std::move(stop));
  meter.stage("loading the encoder", 0, 0.3);
  const LoadedEncoder loaded = load_encoder(values.text("encoder"), values.flag("allow-torchscript"));
  const auto& paths = values.list("tiles");
  meter.stage("encoding tiles", 0.3, 0.95);
  std::vector<at::Tensor> features;
  for (std::size_t begin = 0; begin < paths.size(); begin += kTilesAtOnce) {
    std::vector<at::Tensor> tiles;
    for (std::size_t i = begin; i < std::min(paths.size(), begin + kTilesAtOnce); ++i)
      tiles.push_back(read_tile(paths[i], loaded.encoder->info()));
    features.push_back(loaded.encoder->encode(at::cat(tiles)));
    meter.advance(static_cast<double>(begin) / static_cast<double>(paths.size()));
  }
  meter.stage("writing", 0.95, 1);
  JobResult result;
  const Json described = encoder_json(loaded);
  if (const std::string& out = values.text("out"); !out.empty()) {
    std::map<std::string, std::string> metadata;
    for (const auto& [name, value] : described.items())
      metadata["fovea." + name] = value.is_string() ? value.get<std::string>() : value.dump();
    io::write_safetensors(out, {{"features", to_array(at::cat(features))}}, metadata);
    result.outputs = {out};
  }
  for (const auto& [name, value] : described.items())
    result.text += name + "  " + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
  result.text += std::to_string(paths.size()) + " tiles encoded\n";
  result.notices = loaded.description.notices;
  result.json = described.dump(2);
  return result;
}

}  // namespace

JobKind encode_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "encode";
  kind.summary = "Features of single tile pictures, to check an encoder against its original";
  kind.details =
      "Loads the encoder as slide predict does, with every check, says what it is, and writes the features of the "
      "pictures\n"
      "in their order as one tensor \"features\" [n, D]. Pictures must have the edge that the encoder takes.\n"
      "Example: fovea encode tile_1.png tile_2.png --encoder ./UNI --out features.safetensors";
  kind.parameters = {
      {.name = "tiles",
       .type = T::kFileList,
       .help = "Pictures of tiles (PNG, TIFF)",
       .required = true,
       .positional = true},
      {.name = "encoder",
       .type = T::kText,
       .help = "A name of fovea encoders, a folder with config.json and weights, or a weight file",
       .required = true},
      {.name = "out", .type = T::kOutputFile, .help = "Features to write (safetensors)", .fallback = std::string{}},
      {.name = "allow-torchscript",
       .type = T::kFlag,
       .help = "Allow an encoder in TorchScript, which executes code that the file contains",
       .fallback = false}};
  kind.run = encode;
  return kind;
}

}  // namespace fovea::pipeline
