// Initialisers of an ONNX graph. Field numbers are those of onnx.proto3.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "core/mapped_file.h"
#include "weights/protobuf_wire.h"

namespace fovea::io {
namespace {

using Json = nlohmann::json;
using Bytes = std::span<const std::byte>;

struct Node {
  std::string op, name;
  std::vector<std::string> inputs, outputs;
};

Node read_node(Bytes bytes) {
  Node node;
  for (WireReader wire(bytes); wire.next();) {
    if (wire.field() == 1) node.inputs.push_back(wire.text());
    if (wire.field() == 2) node.outputs.push_back(wire.text());
    if (wire.field() == 3) node.name = wire.text();
    if (wire.field() == 4) node.op = wire.text();
  }
  return node;
}

Json read_value_info(Bytes bytes) {
  Json shape = Json::array();
  std::string name;
  for (WireReader info(bytes); info.next();) {
    if (info.field() == 1) name = info.text();
    if (info.field() != 2) continue;
    for (WireReader type(info.payload()); type.next();)
      if (type.field() == 1)
        for (WireReader tensor(type.payload()); tensor.next();)
          if (tensor.field() == 2)
            for (WireReader dims(tensor.payload()); dims.next();) {
              std::int64_t extent = -1;  // a named extent stays unknown
              for (WireReader dim(dims.payload()); dim.next();)
                if (dim.field() == 1) extent = static_cast<std::int64_t>(dim.value());
              shape.push_back(extent);
            }
  }
  return {{"name", name}, {"shape", shape}};
}

template <class T>
void append(std::vector<std::byte>& out, T value) {
  const auto* raw = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), raw, raw + sizeof(T));
}

/// data_type 1 float32, 6 int32, 7 int64, 10 float16, 11 float64; anything else is skipped by the caller.
bool element_of(std::uint64_t data_type, ElementType& type) {
  switch (data_type) {
    case 1: type = ElementType::kF32; return true;
    case 6: type = ElementType::kI32; return true;
    case 7: type = ElementType::kI64; return true;
    case 10: type = ElementType::kF16; return true;
    case 11: type = ElementType::kF64; return true;
    default: return false;
  }
}

/// Name and array; an empty name for a kind of tensor that weights never have.
std::pair<std::string, Array> read_tensor(Bytes bytes) {
  std::string name;
  std::uint64_t data_type = 0;
  Array array;
  auto values = std::make_shared<std::vector<std::byte>>();
  bool external = false;
  for (WireReader wire(bytes); wire.next();) {
    switch (wire.field()) {
      case 1:
        wire.integers([&](std::uint64_t extent) { array.shape.push_back(static_cast<std::int64_t>(extent)); });
        break;
      case 2: data_type = wire.value(); break;
      case 4:
      case 9:
      case 10: values->insert(values->end(), wire.payload().begin(), wire.payload().end()); break;
      case 5: wire.integers([&](std::uint64_t value) { append(*values, static_cast<std::int32_t>(value)); }); break;
      case 7: wire.integers([&](std::uint64_t value) { append(*values, static_cast<std::int64_t>(value)); }); break;
      case 8: name = wire.text(); break;
      case 13:
      case 14: external = true; break;
      default: break;
    }
  }
  if (external) throw std::runtime_error("the weights of '" + name + "' lie in another file");
  if (!element_of(data_type, array.type)) return {};
  std::uint64_t size = element_size(array.type);
  for (std::int64_t extent : array.shape)
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size))
      throw std::runtime_error("'" + name + "' has an impossible shape");
  if (size != values->size())
    throw std::runtime_error("'" + name + "' has a size that does not fit its shape (the file may be truncated)");
  array.bytes = *values;
  array.owner = values;
  return {name, array};
}

struct Graph {
  std::vector<Node> nodes;
  Json inputs = Json::array(), outputs = Json::array();
};

Graph read_graph(Bytes bytes, WeightFile& weights) {
  Graph graph;
  for (WireReader wire(bytes); wire.next();) {
    switch (wire.field()) {
      case 1: graph.nodes.push_back(read_node(wire.payload())); break;
      case 5: {
        auto [name, array] = read_tensor(wire.payload());
        if (name.empty()) break;
        weights.order.push_back(name);
        weights.tensors[name] = std::move(array);
        break;
      }
      case 11: graph.inputs.push_back(read_value_info(wire.payload())); break;
      case 12: graph.outputs.push_back(read_value_info(wire.payload())); break;
      default: break;
    }
  }
  return graph;
}

/// Nodes that read an initialiser: where batch norms and biases belong cannot be told from names alone.
void describe(const Graph& graph, WeightFile& weights) {
  std::map<std::string, int> counts;
  Json nodes = Json::array();
  for (const Node& node : graph.nodes) {
    ++counts[node.op];
    const bool reads_weights = std::any_of(node.inputs.begin(), node.inputs.end(),
                                           [&](const std::string& name) { return weights.tensors.count(name) > 0; });
    if (reads_weights)
      nodes.push_back({{"op", node.op}, {"name", node.name}, {"inputs", node.inputs}, {"outputs", node.outputs}});
  }
  weights.metadata["inputs"] = graph.inputs.dump();
  weights.metadata["outputs"] = graph.outputs.dump();
  weights.metadata["node_types"] = Json(counts).dump();
  weights.metadata["nodes"] = nodes.dump();
}

}  // namespace

WeightFile read_onnx_initialisers(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  WeightFile weights;
  weights.format = "onnx";
  try {
    bool found = false;
    for (WireReader model(file->bytes()); model.next();) {
      if (model.field() != 7) continue;
      describe(read_graph(model.payload(), weights), weights);
      found = true;
    }
    if (!found || weights.tensors.empty()) throw std::runtime_error("it holds no graph with weights");
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorrupt, path.string(), std::string("the ONNX file cannot be read: ") + error.what(),
                "Check that it is an ONNX model and arrived whole.");
  }
  return weights;
}

}  // namespace fovea::io
