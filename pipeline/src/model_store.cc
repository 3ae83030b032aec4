#include "model_store.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <utility>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>

#include "model_metadata.h"
#include "model_recognition.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;

/// Raidionics' own names: a folder with both is a model.
constexpr const char* kOnnxName = "model.onnx";
constexpr const char* kIniName = "pre_processing.ini";

/// The weight file of a Raidionics folder: its model.onnx, or that of its first fold.
fs::path weights_of_folder(const fs::path& folder) {
  if (fs::is_regular_file(folder / kOnnxName)) return folder / kOnnxName;
  std::vector<fs::path> folds;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && fs::is_regular_file(entry.path() / kOnnxName)) folds.push_back(entry.path());
  if (folds.empty())
    throw Error(ErrorCode::kNotFound, folder.string(), "this folder is not a Raidionics model: it holds no model.onnx",
                "Give a weight file, or the folder with model.onnx and pre_processing.ini.");
  std::sort(folds.begin(), folds.end());
  return folds.front() / kOnnxName;
}

fs::path weights_at(const fs::path& path) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  if (!fs::exists(status))
    throw Error(ErrorCode::kNotFound, path.string(), "there is no such model",
                "Check the path of the weight file or model folder.");
  return fs::is_directory(status) ? weights_of_folder(path) : path;
}

/// A folder's ini stands in for the metadata that an ONNX file lacks.
void add_folder_preprocessing(const fs::path& path, Metadata& metadata) {
  if (!fs::is_directory(path) || metadata.count("fovea.preprocessing") > 0) return;
  const fs::path ini = path / kIniName;
  if (!fs::is_regular_file(ini))
    throw Error(ErrorCode::kNotFound, path.string(), "this model folder holds no pre_processing.ini",
                "Add the one that was distributed with model.onnx.");
  metadata["fovea.preprocessing"] = read_preprocessing(ini);
}

struct Opened {
  ModelDescription description;
  RecognisedModel model;
};

Opened open(const fs::path& path, const std::string& architecture = {}) {
  const fs::path weights = weights_at(path);
  const std::string subject = weights.string();
  io::WeightFile file = io::read_weights(weights);
  if (!architecture.empty()) file.metadata["fovea.architecture"] = architecture;
  Opened opened;
  opened.model = recognise_weights(file, subject);
  ModelDescription& description = opened.description;
  description.task = opened.model.task();
  description.architecture = opened.model.architecture();
  description.sha256 = io::sha256_of_file(weights);
  description.format = file.format;
  description.parameters = models::parameter_count(opened.model.specs);
  description.metadata = file.metadata;
  description.metadata.erase("nodes");  // the ONNX graph: it has served its purpose, and fills pages
  add_folder_preprocessing(path, description.metadata);
  description.labels = class_labels(opened.model, description.metadata, subject);
  description.notices = file.notices;
  description.notices.insert(description.notices.end(), opened.model.notices.begin(), opened.model.notices.end());
  return opened;
}

[[noreturn]] void refuse_task(const Opened& opened, const fs::path& path, const std::string& wanted,
                              const std::string& remedy) {
  throw Error(ErrorCode::kUnsupported, path.string(), "this is " + opened.description.architecture + ", not " + wanted,
              remedy);
}

std::unique_ptr<models::MilModel> make_mil(RecognisedModel& model) {
  return models::mil_model(model.mil->architecture).make(*model.mil, std::move(model.state));
}
std::unique_ptr<models::SegNetwork> make_segmentation(RecognisedModel& model) {
  return models::seg_model(model.segmentation->architecture).make(*model.segmentation, std::move(model.state));
}

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

LoadedEncoder torchscript_encoder(const fs::path& path, bool allowed) {
  const std::string hash = io::sha256_of_file(path);
  if (!allowed)
    throw Error(ErrorCode::kUnsupported, path.string(),
                "this is a TorchScript file (SHA-256 " + hash + "), which executes the code it contains",
                "If you trust that very file, add --allow-torchscript.");
  models::EncoderInfo info;
  info.name = path.stem().string();
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

LoadedEncoder encoder_from_file(const fs::path& path) {
  Opened opened = open(path);
  if (!opened.model.encoder) refuse_task(opened, path, "a tile encoder", "fovea encoders lists the encoders.");
  const models::EncoderRow& row = *opened.model.encoder;
  return {std::move(opened.description), row.make(std::move(opened.model.state), row.info)};
}

bool is_encoder_name(const std::string& name) {
  for (const models::EncoderRow& row : models::encoders())
    if (row.name == name) return true;
  return false;
}

std::vector<fs::path> encoder_folders() {
  std::vector<fs::path> folders;
  if (const char* from_environment = std::getenv("FOVEA_ENCODERS")) folders.emplace_back(from_environment);
  std::error_code no_proc;
  const fs::path executable = fs::read_symlink("/proc/self/exe", no_proc);
  if (no_proc) return folders;
  folders.push_back(executable.parent_path().parent_path() / "share/fovea/encoders");
  // <repository>/build/bin/fovea and <repository>/build-x/tests/...: the repository is one of the next few parents.
  fs::path folder = executable.parent_path();
  for (int up = 0; up < 4 && folder.has_relative_path(); ++up, folder = folder.parent_path())
    folders.push_back(folder / ".deps/encoder");
  return folders;
}

}  // namespace

const models::StateDict& AnyModel::state() const {
  return mil ? mil->state() : segmentation ? segmentation->state() : encoder_state;
}

AnyModel load_any(const fs::path& path, const std::string& architecture) {
  Opened opened = open(path, architecture);
  if (!architecture.empty() && opened.model.architecture() != architecture)
    refuse_task(opened, path, architecture, "fovea models lists the architectures.");
  AnyModel any;
  any.description = std::move(opened.description);
  if (opened.model.mil) {
    any.mil = make_mil(opened.model);
  } else if (opened.model.segmentation) {
    any.segmentation = make_segmentation(opened.model);
  } else {
    const models::EncoderRow& row = *opened.model.encoder;
    any.encoder_state = opened.model.state;
    any.encoder = row.make(std::move(opened.model.state), row.info);
  }
  return any;
}

LoadedMil load_mil(const fs::path& path) {
  Opened opened = open(path);
  if (!opened.model.mil)
    refuse_task(opened, path, "a slide model", "Give weights of one of the slide models that fovea models lists.");
  return {std::move(opened.description), make_mil(opened.model)};
}

LoadedSegmentation load_segmentation(const fs::path& path) {
  Opened opened = open(path);
  if (!opened.model.segmentation)
    refuse_task(opened, path, "a segmentation network",
                "Give weights of one of the mri models that fovea models lists, or a Raidionics folder.");
  return {std::move(opened.description), make_segmentation(opened.model)};
}

LoadedEncoder load_encoder(const std::string& name_or_path, bool allow_torchscript) {
  if (is_encoder_name(name_or_path)) {
    const auto weights = find_encoder_weights(name_or_path);
    if (weights) return encoder_from_file(*weights);
    throw Error(
        ErrorCode::kNotFound, name_or_path, "the weights of this encoder are not installed",
        "Run ./run deps and ./run build, or set FOVEA_ENCODERS to the folder with " + name_or_path + ".safetensors.");
  }
  const fs::path path = name_or_path;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored))
    throw Error(ErrorCode::kNotFound, name_or_path, "this is neither a known encoder nor a file",
                "fovea encoders lists the encoders.");
  return is_torchscript(path) ? torchscript_encoder(path, allow_torchscript) : encoder_from_file(path);
}

std::optional<fs::path> find_encoder_weights(const std::string& name) {
  std::error_code ignored;
  for (const fs::path& folder : encoder_folders())
    if (fs::path file = folder / (name + ".safetensors"); fs::is_regular_file(file, ignored)) return file;
  return {};
}

}  // namespace fovea::pipeline
