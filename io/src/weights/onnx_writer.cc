// Field numbers are those of onnx.proto3.
#include <fovea/io/onnx.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "weights/protobuf_writer.h"

namespace fovea::io {
namespace {

constexpr std::int64_t kIrVersion = 7;  // what came with opset 13
constexpr std::int64_t kFloat = 1;      // TensorProto.DataType
constexpr std::uint64_t kMostBytes = (std::uint64_t{1} << 31) - 1;

WireWriter attribute_of(const std::string& name, const OnnxNode::Attribute& value) {
  enum Type { kReal = 1, kInteger = 2, kIntegers = 7 };
  WireWriter wire;
  wire.text(1, name);
  if (const auto* real = std::get_if<float>(&value)) {
    wire.real(2, *real);
    wire.integer(20, kReal);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    wire.integer(3, *integer);
    wire.integer(20, kInteger);
  } else {
    for (const std::int64_t each : std::get<std::vector<std::int64_t>>(value)) wire.integer(8, each);
    wire.integer(20, kIntegers);
  }
  return wire;
}

WireWriter node_of(const OnnxNode& node) {
  WireWriter wire;
  for (const std::string& input : node.inputs) wire.text(1, input);
  for (const std::string& output : node.outputs) wire.text(2, output);
  wire.text(3, node.outputs.front() + "/" + node.op);
  wire.text(4, node.op);
  for (const auto& [name, value] : node.attributes) wire.message(5, attribute_of(name, value));
  return wire;
}

std::int64_t data_type_of(ElementType type, const std::string& name) {
  switch (type) {
    case ElementType::kF32: return kFloat;
    case ElementType::kI64: return 7;
    case ElementType::kF64: return 11;
    default: break;
  }
  throw Error(ErrorCode::kUnsupported, name, "a tensor of type " + std::string(element_name(type)) + " is not written",
              "Export a model of float32 weights.");
}

WireWriter tensor_of(const std::string& name, const Array& array) {
  WireWriter wire;
  for (const std::int64_t extent : array.shape) wire.integer(1, extent);
  wire.integer(2, data_type_of(array.type, name));
  wire.text(8, name);
  wire.raw(9, array.bytes);
  return wire;
}

WireWriter port_of(const OnnxPort& port) {
  WireWriter shape, tensor, type, wire;
  for (const OnnxPort::Extent& extent : port.shape) {
    WireWriter dim;
    if (const auto* number = std::get_if<std::int64_t>(&extent))
      dim.integer(1, *number);
    else
      dim.text(2, std::get<std::string>(extent));
    shape.message(1, dim);
  }
  tensor.integer(1, kFloat);
  tensor.message(2, shape);
  type.message(1, tensor);
  wire.text(1, port.name);
  wire.message(2, type);
  return wire;
}

WireWriter graph_of(const OnnxModel& model) {
  WireWriter wire;
  for (const OnnxNode& node : model.nodes) wire.message(1, node_of(node));
  wire.text(2, model.name);
  for (const auto& [name, array] : model.initialisers) wire.message(5, tensor_of(name, array));
  for (const OnnxPort& port : model.inputs) wire.message(11, port_of(port));
  for (const OnnxPort& port : model.outputs) wire.message(12, port_of(port));
  return wire;
}

WireWriter file_of(const OnnxModel& model) {
  WireWriter wire, operators;
  wire.integer(1, kIrVersion);
  wire.text(2, model.producer);
  wire.text(3, model.producer_version);
  wire.text(6, model.description);
  wire.message(7, graph_of(model));
  operators.integer(2, model.opset);
  wire.message(8, operators);
  for (const auto& [key, value] : model.metadata) {
    WireWriter entry;
    entry.text(1, key);
    entry.text(2, value);
    wire.message(14, entry);
  }
  return wire;
}

}  // namespace

void write_onnx(const std::filesystem::path& path, const OnnxModel& model) {
  std::uint64_t weights = 0;
  for (const auto& [name, array] : model.initialisers) weights += array.bytes.size();
  const auto refuse_size = [&] {
    throw Error(ErrorCode::kUnsupported, path.filename().string(),
                "its weights exceed the 2 GB that ONNX files can hold", "Export a smaller model.");
  };
  if (weights > kMostBytes) refuse_size();
  const WireWriter wire = file_of(model);
  if (wire.bytes().size() > kMostBytes) refuse_size();
  write_file(path, wire.bytes());
}

}  // namespace fovea::io
