// What an imported model says of itself: the fovea.* entries of a safetensors file's metadata.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model_recognition.h"

namespace fovea::pipeline {

using Metadata = std::map<std::string, std::string>;

/// Number of class names the model needs: 0 for an encoder.
std::int64_t class_count(const RecognisedModel& model);

/// From `fovea.labels`, else the `classes` of `fovea.preprocessing`, else "class 0", "class 1", ... Error(kShape) when
/// `fovea.labels` names another number of classes than the network has.
std::vector<std::string> class_labels(const RecognisedModel& model, const Metadata& metadata,
                                      const std::string& subject);

/// Hyper-parameters as JSON, for fovea.config.
std::string config_json(const RecognisedModel& model);
std::string config_json(const models::MilConfig& config);
std::string config_json(const models::SegConfig& config);

/// A Raidionics pre_processing.ini as one JSON object, key to text (sections have no common keys). `#` starts a
/// comment. Error(kCorrupt) naming the line that is neither section, comment nor key=value.
std::string preprocessing_json(std::string_view ini, const std::string& subject);
std::string read_preprocessing(const std::filesystem::path& ini);

/// The entries whose key begins with "fovea.".
Metadata fovea_entries(const Metadata& metadata);

}  // namespace fovea::pipeline
