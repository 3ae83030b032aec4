#include "model_store.h"

#include <algorithm>
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

}  // namespace fovea::pipeline
