// From a weight file to a network: reads any supported format, recognises the architecture from names and shapes,
// checks all names at once. Also what an imported model says of itself (labels, encoder, preprocessing).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fovea/models/encoder.h>
#include <fovea/models/mil.h>
#include <fovea/models/segmentation.h>

namespace fovea::pipeline {

/// Metadata keys of our safetensors (all optional, all text):
///   fovea.task "mil" | "segmentation" | "encoder"; fovea.architecture; fovea.config (JSON of the hyper-parameters)
///   fovea.labels (JSON array of class names); fovea.encoder (name the features came from); fovea.mpp (number),
///   fovea.tile_px fovea.preprocessing (JSON: the keys of a Raidionics pre_processing.ini, for segmentation);
///   fovea.card (free text: what it is)
struct ModelDescription {
  std::string task, architecture;
  std::string sha256;  ///< of the weight file
  std::string format;
  std::int64_t parameters = 0;
  std::vector<std::string> labels;  ///< class names; "class 0", ... when the file names none
  std::map<std::string, std::string> metadata;
  std::vector<std::string> notices;
};

struct LoadedMil {
  ModelDescription description;
  std::unique_ptr<models::MilModel> model;
};
struct LoadedSegmentation {
  ModelDescription description;
  std::unique_ptr<models::SegNetwork> network;
};
struct LoadedEncoder {
  ModelDescription description;
  std::unique_ptr<models::TileEncoder> encoder;
};

/// What a weight file holds: exactly one of the three is recognised, or Error(kUnsupported) naming what was looked for.
struct AnyModel {
  ModelDescription description;
  std::unique_ptr<models::MilModel> mil;
  std::unique_ptr<models::SegNetwork> segmentation;
  std::unique_ptr<models::TileEncoder> encoder;
  models::StateDict encoder_state;  ///< an encoder folds its weights and keeps no table of them
  const models::StateDict& state() const;
};
/// `architecture`: which to take when several have the tensors of the file; empty: as the file says.
AnyModel load_any(const std::filesystem::path& path, const std::string& architecture = {});

LoadedMil load_mil(const std::filesystem::path& path);
/// A weight file, or a Raidionics folder's model.onnx.
LoadedSegmentation load_segmentation(const std::filesystem::path& path);

/// Where an encoder computes. On the CPU float32 alone; bfloat16 and float16 are for other devices.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType precision = at::kFloat;
};

/// `name_or_path`: a name or alias of the encoder registry (weights looked up with find_encoder_weights), a folder with
/// config.json and model.safetensors or pytorch_model.bin, a safetensors/checkpoint file of a registered encoder, or a
/// TorchScript file (only with `allow_torchscript`; its SHA-256 is put into the notices). Names must be complete
/// without extras, shapes equal; a selftest.safetensors beside the weights (tiles, features) is run.
LoadedEncoder load_encoder(const std::string& name_or_path, bool allow_torchscript, const Placement& placement = {});

/// In $FOVEA_ENCODERS, <executable>/../share/fovea/encoders and <repository>/.deps/encoder: the first
/// `<name>.safetensors`, `<name>.pt` or folder `<name>` with a config.json; aliases of the name count.
std::optional<std::filesystem::path> find_encoder_weights(const std::string& name);

}  // namespace fovea::pipeline
