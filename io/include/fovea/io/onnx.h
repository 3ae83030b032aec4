// ONNX files written from a description of their graph. Reading their weights: weights.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fovea/io/array.h>

namespace fovea::io {

struct OnnxNode {
  using Attribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;
  std::string op;  ///< of the default domain: "Conv", "Relu", ...
  std::vector<std::string> inputs, outputs;
  std::vector<std::pair<std::string, Attribute>> attributes = {};
};

/// A float32 tensor that enters or leaves the graph. An extent is a number, or a name where it is free.
struct OnnxPort {
  using Extent = std::variant<std::int64_t, std::string>;
  std::string name;
  std::vector<Extent> shape;
};

struct OnnxModel {
  std::string name, producer, producer_version, description;
  std::int64_t opset = 13;
  std::vector<OnnxNode> nodes;  ///< in an order in which every input is known
  std::map<std::string, Array> initialisers;
  std::vector<OnnxPort> inputs, outputs;
  std::map<std::string, std::string> metadata;  ///< metadata_props
};

/// Atomic; the same model gives the same bytes. Error(kUnsupported) for element types that ONNX weights do not have
/// here (float32, float64, int64 are written) and for models beyond protobuf's 2 GB.
void write_onnx(const std::filesystem::path& path, const OnnxModel& model);

}  // namespace fovea::io
