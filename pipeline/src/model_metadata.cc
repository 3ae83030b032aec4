#include "model_metadata.h"

#include <fstream>
#include <iterator>
#include <sstream>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::pipeline {
namespace {

using Json = nlohmann::json;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(trimmed(item));
  return items;
}

std::vector<std::string> stated_labels(const Metadata& metadata, const std::string& subject) {
  auto found = metadata.find("fovea.labels");
  if (found == metadata.end()) return {};
  const Json json = Json::parse(found->second, nullptr, false);
  try {
    return json.get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kCorrupt, subject, "its metadata entry fovea.labels is not a JSON list of texts",
                "Import the original weights again with --labels.");
  }
}

/// Class names of a Raidionics folder; empty when it states none.
std::vector<std::string> preprocessing_classes(const Metadata& metadata) {
  auto found = metadata.find("fovea.preprocessing");
  if (found == metadata.end()) return {};
  const Json json = Json::parse(found->second, nullptr, false);
  if (!json.is_object() || !json.contains("classes") || !json["classes"].is_string()) return {};
  return split_commas(json["classes"].get<std::string>());
}

}  // namespace

std::int64_t class_count(const RecognisedModel& model) {
  return model.mil ? model.mil->classes : model.segmentation ? model.segmentation->classes : 0;
}

std::vector<std::string> class_labels(const RecognisedModel& model, const Metadata& metadata,
                                      const std::string& subject) {
  const auto classes = static_cast<std::size_t>(class_count(model));
  std::vector<std::string> labels = stated_labels(metadata, subject);
  if (!labels.empty() && labels.size() != classes)
    throw Error(ErrorCode::kShape, subject,
                std::to_string(labels.size()) + " labels are given, but the network has " + std::to_string(classes) +
                    " classes",
                classes == 0 ? "An encoder takes no --labels."
                             : "Give one label a class, in the order of the network's outputs: --labels a,b,...");
  if (labels.empty() && classes > 0) labels = preprocessing_classes(metadata);
  if (labels.size() == classes) return labels;
  labels.clear();
  for (std::size_t i = 0; i < classes; ++i) labels.push_back("class " + std::to_string(i));
  return labels;
}

std::string config_json(const models::MilConfig& config) {
  Json json{{"features", config.features},
            {"inner", config.inner},
            {"attention", config.attention},
            {"branches", config.branches},
            {"classes", config.classes}};
  if (config.heads > 1) json["heads"] = config.heads;
  if (!config.variant.empty()) json["variant"] = config.variant;
  return json.dump();
}

std::string config_json(const models::SegConfig& config) {
  Json json{{"dims", config.dims},
            {"channels", config.channels},
            {"classes", config.classes},
            {"filters", config.filters},
            {"multi_scale", config.multi_scale},
            {"deep_supervision", config.deep_supervision},
            {"attention", config.attention}};
  if (config.architecture == "daunet") json["guided"] = config.guided;
  if (config.pyramid_at_bottom) json["pyramid_at_bottom"] = true;
  if (config.norm != models::SegNorm::kBatch)
    json["norm"] = config.norm == models::SegNorm::kGroup ? "group" : "instance";
  if (!config.variant.empty()) json["variant"] = config.variant;
  return json.dump();
}

std::string config_json(const RecognisedModel& model) {
  if (model.mil) return config_json(*model.mil);
  if (model.segmentation) return config_json(*model.segmentation);
  const models::EncoderInfo& info = model.encoder->info;
  return Json{{"features", info.dim}, {"tile_px", info.tile_px}, {"mpp", info.mpp}}.dump();
}

std::string preprocessing_json(std::string_view ini, const std::string& subject) {
  Json json = Json::object();
  std::istringstream stream{std::string(ini)};
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    const std::string text = trimmed(std::string_view(line).substr(0, line.find('#')));
    if (text.empty() || (text.front() == '[' && text.back() == ']')) continue;
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorCode::kCorrupt, subject,
                  "line " + std::to_string(number) + " is neither a section nor key=value",
                  "Give the pre_processing.ini of the model's own folder.");
    json[trimmed(std::string_view(text).substr(0, equals))] = trimmed(std::string_view(text).substr(equals + 1));
  }
  if (json.empty())
    throw Error(ErrorCode::kCorrupt, subject, "it holds no key=value line",
                "Give the pre_processing.ini of the model's own folder.");
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string read_preprocessing(const std::filesystem::path& ini) {
  std::ifstream stream(ini, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, ini.string(), "the preprocessing file cannot be read",
                "Check the path and its permissions.");
  return preprocessing_json(std::string(std::istreambuf_iterator<char>(stream), {}), ini.string());
}

Metadata fovea_entries(const Metadata& metadata) {
  Metadata ours;
  for (const auto& [key, value] : metadata)
    if (key.rfind("fovea.", 0) == 0) ours.emplace(key, value);
  return ours;
}

}  // namespace fovea::pipeline
