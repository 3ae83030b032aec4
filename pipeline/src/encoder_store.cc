// Tile encoders by name, folder or file: where they are looked for, and what is checked before the first tile.
#include "model_store.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <ATen/TensorOperators.h>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>

#include "encoder_folder.h"
#include "installed_files.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;

/// TorchScript archives are zip files with a compiled `code` folder and `constants.pkl`; checkpoints have neither. The
/// names stand in the zip's directory at the end of the file.
bool is_torchscript(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::array<char, 2> magic{};
  if (!stream.read(magic.data(), magic.size()) || magic[0] != 'P' || magic[1] != 'K') return false;
  constexpr std::streamoff kDirectoryBytes = 1 << 20;
  stream.seekg(0, std::ios::end);
  const std::streamoff size = stream.tellg();
  std::string tail(static_cast<std::size_t>(std::min(size, kDirectoryBytes)), '\0');
  stream.seekg(size - static_cast<std::streamoff>(tail.size()));
  stream.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  return tail.find("/constants.pkl") != std::string::npos && tail.find("/code/") != std::string::npos;
}

/// `row`: what is known of the encoder the file is called after; null: nothing.
LoadedEncoder torchscript_encoder(const fs::path& path, bool allowed, const models::EncoderRow* row) {
  const std::string hash = io::sha256_of_file(path);
  if (!allowed)
    throw Error(ErrorCode::kUnsupported, path.string(),
                "this is a TorchScript file (SHA-256 " + hash + "), which executes the code it contains",
                "If you trust that very file, add --allow-torchscript.");
  models::EncoderInfo info;
  if (row) info = row->info;
  if (!row) info.name = path.stem().string();
  LoadedEncoder loaded;
  loaded.encoder = models::load_torchscript_encoder(path.string(), info);
  loaded.description.task = "encoder";
  loaded.description.architecture = "torchscript";
  loaded.description.format = "torchscript";
  loaded.description.sha256 = hash;
  loaded.description.notices.push_back("code from " + path.filename().string() + " (SHA-256 " + hash +
                                       ") was executed as tile encoder");
  return loaded;
}

LoadedEncoder encoder_from_file(const fs::path& path, const models::EncoderRow* row, const Placement& placement) {
  if (row && row->specs) return encoder_of_row(path, *row, placement);
  AnyModel model = load_any(path);
  if (!model.encoder)
    throw Error(ErrorCode::kUnsupported, path.string(),
                "this is " + model.description.architecture + ", not a tile encoder",
                "fovea encoders lists the encoders.");
  const models::EncoderRow& recognised = models::encoder(model.description.architecture);
  return {std::move(model.description),
          recognised.make(placed(std::move(model.encoder_state), placement), recognised.info)};
}

std::vector<fs::path> encoder_folders() {
  return installed_folders("FOVEA_ENCODERS", "encoders", "encoder");
}

/// `name` in one of the encoder folders: names compared as find_encoder does, so that a folder may keep the name it was
/// downloaded under.
std::optional<fs::path> weights_in(const fs::path& folder, const models::EncoderRow& row) {
  std::error_code ignored;
  for (const char* ending : {".safetensors", ".pt"})
    if (fs::path file = folder / (std::string(row.name) + ending); fs::is_regular_file(file, ignored)) return file;
  std::vector<fs::path> fitting;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (models::find_encoder(entry.path().filename().string()) == &row && is_encoder_folder(entry.path()))
      fitting.push_back(entry.path());
  if (fitting.empty()) return {};
  return *std::min_element(fitting.begin(), fitting.end());
}

[[noreturn]] void refuse_missing(const models::EncoderRow& row) {
  const std::string name(row.name);
  if (!row.specs)
    throw Error(ErrorCode::kNotFound, name, "this encoder comes through TorchScript, and no " + name + ".pt was found",
                "Export it (docs/encoders.md), set FOVEA_ENCODERS to the folder with " + name +
                    ".pt, and add --allow-torchscript. Licence: " + std::string(row.licence) + ".");
  if (!row.vit && row.aliases.empty())
    throw Error(ErrorCode::kNotFound, name, "the weights of this encoder are not installed",
                "Run ./run deps and ./run build, or set FOVEA_ENCODERS to the folder with " + name + ".safetensors.");
  throw Error(ErrorCode::kNotFound, name, "the weights of this encoder are not installed",
              "Set FOVEA_ENCODERS to a folder that holds " + name + "/config.json and " + name +
                  "/model.safetensors, or pass that folder. Licence: " + std::string(row.licence) + ".");
}

LoadedEncoder loaded_from(const fs::path& path, const models::EncoderRow* row, bool allow_torchscript,
                          const Placement& placement) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return encoder_from_folder(path, row, placement);
  if (is_torchscript(path)) return torchscript_encoder(path, allow_torchscript, row);
  return encoder_from_file(path, row, placement);
}

}  // namespace

LoadedEncoder load_encoder(const std::string& name_or_path, bool allow_torchscript, const Placement& placement) {
  const fs::path path = name_or_path;
  std::error_code ignored;
  const models::EncoderRow* row = models::find_encoder(name_or_path);
  if (row) {
    const auto weights = find_encoder_weights(std::string(row->name));
    if (!weights) refuse_missing(*row);
    return loaded_from(*weights, row, allow_torchscript, placement);
  }
  if (!fs::is_regular_file(path, ignored) && !fs::is_directory(path, ignored))
    throw Error(ErrorCode::kNotFound, name_or_path, "this is neither a known encoder nor a file or folder",
                "fovea encoders lists the encoders.");
  // A TorchScript file called after an encoder of the table is taken as that encoder; other files say what they are.
  const bool script = fs::is_regular_file(path, ignored) && is_torchscript(path);
  return loaded_from(path, script ? models::find_encoder(path.stem().string()) : nullptr, allow_torchscript, placement);
}

std::optional<fs::path> find_encoder_weights(const std::string& name) {
  const models::EncoderRow* row = models::find_encoder(name);
  if (!row) return {};
  for (const fs::path& folder : encoder_folders())
    if (auto found = weights_in(folder, *row)) return found;
  return {};
}

}  // namespace fovea::pipeline
