// `fovea model import`, `fovea model info`.
#include "jobs.h"

#include <cmath>
#include <sstream>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "model_metadata.h"
#include "model_store.h"
#include "progress.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string number_text(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << value;
  return text.str();
}

std::string shape_words(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (!value.is_array()) return value.dump();
  std::string words;
  for (const Json& item : value) words += (words.empty() ? "" : ", ") + item.dump();
  return words;
}

std::string describe(const AnyModel& model) {
  if (model.mil) return std::string(models::mil_model(model.description.architecture).description);
  if (model.segmentation) return std::string(models::seg_model(model.description.architecture).description);
  return std::string(models::encoder(model.description.architecture).description);
}

RecognisedModel shape_of(const AnyModel& model) {
  RecognisedModel recognised;
  if (model.mil)
    recognised.mil = model.mil->config();
  else if (model.segmentation)
    recognised.segmentation = model.segmentation->config();
  else
    recognised.encoder = &models::encoder(model.description.architecture);
  return recognised;
}

Json config_of(const AnyModel& model) {
  return Json::parse(config_json(shape_of(model)));
}

/// Metadata values are text; those that hold JSON are shown as such.
Json metadata_json(const Metadata& metadata) {
  Json json = Json::object();
  for (const auto& [key, value] : metadata) {
    const Json parsed = Json::parse(value, nullptr, false);
    json[key] = parsed.is_structured() ? parsed : Json(value);
  }
  return json;
}

Json info_json(const AnyModel& model, const fs::path& path) {
  const ModelDescription& description = model.description;
  return {{"file", path.filename().string()},
          {"task", description.task},
          {"architecture", description.architecture},
          {"description", describe(model)},
          {"config", config_of(model)},
          {"parameters", description.parameters},
          {"labels", description.labels},
          {"sha256", description.sha256},
          {"format", description.format},
          {"metadata", metadata_json(description.metadata)},
          {"notices", description.notices}};
}

std::string info_text(const AnyModel& model) {
  const ModelDescription& description = model.description;
  std::string text;
  auto line = [&](std::string name, const std::string& value) {
    name.resize(std::max<std::size_t>(name.size() + 1, 18), ' ');
    text += name + value + "\n";
  };
  line("architecture", description.architecture + " (" + description.task + "): " + describe(model));
  const Json config = config_of(model);
  for (const auto& [key, value] : config.items()) line("  " + key, shape_words(value));
  line("parameters", std::to_string(description.parameters));
  std::string labels;
  for (const std::string& label : description.labels) labels += (labels.empty() ? "" : ", ") + label;
  if (!labels.empty()) line("labels", labels);
  line("format", description.format);
  line("sha256", description.sha256);
  for (const auto& [key, value] : description.metadata)
    if (key != "fovea.labels" && key != "fovea.config") line(key, value);
  return text;
}

void add_stated(const JobValues& values, Metadata& metadata) {
  if (values.given("labels")) metadata["fovea.labels"] = Json(values.list("labels")).dump();
  if (!values.text("encoder").empty()) metadata["fovea.encoder"] = values.text("encoder");
  if (!values.text("card").empty()) metadata["fovea.card"] = values.text("card");
  if (!values.text("preprocessing").empty())
    metadata["fovea.preprocessing"] = read_preprocessing(values.text("preprocessing"));
  if (values.given("mpp")) metadata["fovea.mpp"] = number_text(values.number("mpp"));
  if (values.given("tile")) metadata["fovea.tile_px"] = std::to_string(values.integer("tile"));
}

void check_numbers(const JobValues& values) {
  if (values.given("mpp") && !(values.number("mpp") > 0 && std::isfinite(values.number("mpp"))))
    throw Error(ErrorCode::kUsage, "--mpp", "micrometres per pixel must be above 0",
                "Give the scale of the tiles, for example 0.5.");
  if (values.given("tile") && values.integer("tile") < 1)
    throw Error(ErrorCode::kUsage, "--tile", "the tile edge must be at least 1 pixel",
                "Give the edge in pixels, for example 224.");
}

/// Everything that makes the imported file speak for itself.
Metadata import_metadata(const AnyModel& model, const JobValues& values) {
  Metadata metadata = fovea_entries(model.description.metadata);
  add_stated(values, metadata);
  const RecognisedModel shape = shape_of(model);
  const auto labels = class_labels(shape, metadata, values.given("labels") ? "--labels" : values.text("input"));
  if (!labels.empty()) metadata["fovea.labels"] = Json(labels).dump();
  metadata["fovea.task"] = model.description.task;
  metadata["fovea.architecture"] = model.description.architecture;
  metadata["fovea.config"] = config_json(shape);
  metadata["fovea.imported_from"] = model.description.format;
  metadata["fovea.imported_sha256"] = model.description.sha256;
  return metadata;
}

JobResult import_model(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  check_numbers(values);
  ProgressMeter meter(sink, std::move(stop));
  meter.stage("reading weights", 0, 0.7);
  const fs::path out = values.text("out");
  const AnyModel model = load_any(values.text("input"), values.text("architecture"));
  const Metadata metadata = import_metadata(model, values);
  meter.stage("writing", 0.7, 1);
  io::write_safetensors(out, to_arrays(model.state()), metadata);
  JobResult result;
  const AnyModel written = load_any(out);  // what was written can be read, and is described as a user will meet it
  result.outputs = {out};
  result.notices = model.description.notices;
  result.text = info_text(written);
  result.json = info_json(written, out).dump(2);
  return result;
}

JobResult show_model(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  ProgressMeter meter(sink, std::move(stop));
  meter.stage("reading weights", 0, 1);
  const fs::path path = values.text("model");
  const AnyModel model = load_any(path);
  JobResult result;
  result.json = info_json(model, path).dump(2, ' ', false, Json::error_handler_t::replace);
  result.text = values.flag("json") ? result.json + "\n" : info_text(model);
  result.notices = model.description.notices;
  return result;
}

}  // namespace

JobKind model_import_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "model import";
  kind.summary = "Turn a weight file of any supported format into a checked safetensors model";
  kind.details =
      "Reads safetensors, PyTorch checkpoints (.pt, .pth), Keras HDF5, ONNX, or a Raidionics folder; nothing in a file "
      "is executed. The\n"
      "architecture and its widths are recognised from tensor names and shapes; missing, unexpected and mis-shaped "
      "names are listed at once.\n"
      "Example: fovea model import s_0_checkpoint.pt --labels normal,tumour --encoder efficientnet_lite0 --out "
      "model.safetensors";
  kind.parameters = {
      {.name = "input",
       .type = T::kFile,
       .help = "Weight file, or folder with model.onnx and pre_processing.ini",
       .required = true,
       .positional = true},
      {.name = "out", .type = T::kOutputFile, .help = "The model to write (safetensors)", .required = true},
      {.name = "architecture",
       .type = T::kText,
       .help = "Which network it is, where the tensors fit several: mean_pooling or max_pooling"},
      {.name = "labels",
       .type = T::kTextList,
       .help = "Class names in the order of the network's outputs, one for each class"},
      {.name = "encoder", .type = T::kText, .help = "Name of the tile encoder whose features the slide model takes"},
      {.name = "mpp",
       .type = T::kNumber,
       .help = "Scale of the tiles the model was trained on, in micrometres per pixel"},
      {.name = "tile",
       .type = T::kInteger,
       .help = "Edge of the tiles the model was trained on, in pixels at that scale"},
      {.name = "card", .type = T::kText, .help = "What this model is and is not, in a few words; shown by model info"},
      {.name = "preprocessing",
       .type = T::kFile,
       .help = "A Raidionics pre_processing.ini to store with a segmentation network"}};
  kind.run = import_model;
  return kind;
}

JobKind model_info_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "model info";
  kind.summary = "Show architecture, widths, parameter count, labels and SHA-256 of a model";
  kind.details =
      "Reads what model import reads, without writing anything.\n"
      "Example: fovea model info model.safetensors --json";
  kind.parameters = {{.name = "model",
                      .type = T::kFile,
                      .help = "Weight file, or folder with model.onnx and pre_processing.ini",
                      .required = true,
                      .positional = true},
                     {.name = "json", .type = T::kFlag, .help = "Print JSON instead of a table", .fallback = false}};
  kind.run = show_model;
  return kind;
}

}  // namespace fovea::pipeline
