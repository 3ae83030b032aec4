// `model export`: a segmentation network as an ONNX file, with the pre_processing.ini that makes its folder a
// Raidionics model.
#include "mri/export_job.h"

#include <map>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/onnx.h>

#include "model_store.h"
#include "mri/model_ini.h"
#include "mri/onnx_graph.h"
#include "mri/preprocessing.h"
#include "output_set.h"
#include "problems.h"
#include "progress.h"

namespace fovea::pipeline {
namespace mri {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Keys = std::map<std::string, std::string>;

Keys stated_keys(const ModelDescription& model) {
  Keys keys;
  const auto found = model.metadata.find("fovea.preprocessing");
  if (found == model.metadata.end()) return keys;
  const Json stated = Json::parse(found->second, nullptr, false);
  if (!stated.is_object()) return keys;
  for (const auto& [key, value] : stated.items())
    keys[key] = value.is_string() ? value.get<std::string>() : value.dump();
  return keys;
}

/// What a model without preprocessing is run with (preprocessing_from_json of nothing).
Keys default_keys(const models::SegConfig& config) {
  if (config.dims == 2) return {{"imaging_modality", "MRI"}, {"normalization_method", "zeromean"}};
  return {{"imaging_modality", "MRI"},       {"output_spacing", "1,1,1"},
          {"background_cropping", "none"},   {"intensity_clipping_range", "0,99.5"},
          {"new_axial_size", "128,128,144"}, {"normalization_method", "default"}};
}

/// The model's own keys, and what the file that is written demands.
Keys ini_keys(const LoadedSegmentation& model) {
  const models::SegConfig& config = model.network->config();
  Keys keys = stated_keys(model.description);
  if (keys.empty()) keys = default_keys(config);
  keys["channels_order"] = "channels_first";
  // Raidionics takes the first of the outputs' list for these models, whatever their number.
  keys["training_backend"] = "Torch";
  keys["activation_layer_included"] = "True";
  keys["activation_layer_type"] = "softmax";
  keys["deep_supervision"] = "False";
  keys["nb_classes"] = std::to_string(config.classes);
  keys["classes"] = joined(model.description.labels, ",");
  keys.try_emplace("imaging_modality", "MRI");
  keys.try_emplace("task", "segmentation");
  keys.try_emplace("number_inputs", std::to_string(config.channels));
  keys.try_emplace("swap_training_input", "False");
  keys.try_emplace("slicing_plane", "axial");
  keys.try_emplace("perform_bias_correction", "False");
  return keys;
}

/// The network's input as the preprocessing fixes it, in the network's axis order; empty where it is free.
std::vector<std::int64_t> fixed_input(const Preprocessing& p, const models::SegConfig& config) {
  if (config.dims != 3) return p.network_size.size() == 2 ? p.network_size : std::vector<std::int64_t>{};
  if (p.network_size.size() != 3) return {};
  auto size = p.network_size;
  if (p.swap_axes) std::swap(size[0], size[2]);
  return size;
}

JobResult export_model(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  const fs::path path = values.text("model"), out = values.text("onnx");
  if (out.extension() != ".onnx")
    throw Error(ErrorCode::kUsage, "--onnx", "'" + out.filename().string() + "' does not end in .onnx",
                "Name the file to write, for example: fovea model export model.safetensors --onnx folder/model.onnx");
  ProgressMeter meter(sink, std::move(stop));
  meter.stage("reading weights", 0, 0.5);
  const LoadedSegmentation model = load_segmentation(path);
  const models::SegConfig& config = model.network->config();
  const Keys keys = ini_keys(model);
  const Preprocessing preprocessing = preprocessing_from_json(Json(keys).dump(), config, path.filename().string());
  meter.stage("writing", 0.5, 1);
  io::OnnxModel graph = onnx_graph(*model.network, fixed_input(preprocessing, config));
  graph.description = "Segmentation network written by Fovea from a model with SHA-256 " + model.description.sha256 +
                      ". Research use only.";
  graph.metadata = {{"fovea.sha256", model.description.sha256},
                    {"fovea.labels", Json(model.description.labels).dump()}};
  io::prepare_output_folder(out.has_parent_path() ? out.parent_path() : fs::path("."));
  OutputSet files(meter.stop());
  files.add(out, [&](const fs::path& temporary) { io::write_onnx(temporary, graph); });
  files.add(out.parent_path() / "pre_processing.ini",
            [&](const fs::path& temporary) { io::write_file(temporary, preprocessing_ini(keys)); });
  JobResult result;
  result.outputs = files.commit();
  result.notices = model.description.notices;
  if (config.dims == 2)
    result.notices.push_back(
        "it segments slices one by one: other programs run it, Raidionics takes 3-D networks only");
  Json shape = Json::array();
  for (const auto& extent : graph.inputs.front().shape)
    std::visit([&](const auto& value) { shape.push_back(value); }, extent);
  const Json json{{"onnx", out.filename().string()},
                  {"opset", graph.opset},
                  {"input", shape},
                  {"nodes", graph.nodes.size()},
                  {"parameters", model.description.parameters}};
  result.json = json.dump(2);
  result.text = out.string() + ": opset " + std::to_string(graph.opset) + ", input " + shape.dump() + ", " +
                std::to_string(graph.nodes.size()) + " nodes\n";
  return result;
}

}  // namespace
}  // namespace mri

JobKind model_export_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "model export";
  kind.summary = "Write an AGUNet as ONNX, with its pre_processing.ini, for other programs";
  kind.details =
      "The graph takes [1, channels, x, y, z] (or [1, channels, x, y] for slice-wise networks) and gives the softmax "
      "of "
      "the full-resolution\n"
      "head; weights keep their names, so that model import reads it back. pre_processing.ini is written beside it: "
      "the "
      "folder is a model\n"
      "as Raidionics takes it when the file is called model.onnx.\n"
      "Example: fovea model export model.safetensors --onnx MRI_Mine/model.onnx";
  kind.parameters = {{.name = "model",
                      .type = T::kFile,
                      .help = "Segmentation weights in any format that model import reads",
                      .required = true,
                      .positional = true},
                     {.name = "onnx",
                      .type = T::kOutputFile,
                      .help = "The ONNX file to write; pre_processing.ini is written into the same folder",
                      .required = true}};
  kind.run = mri::export_model;
  return kind;
}

}  // namespace fovea::pipeline
