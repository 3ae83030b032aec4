#include "mri/onnx_graph.h"

#include <numeric>
#include <string>
#include <utility>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

#include "tensor_bridge.h"

namespace fovea::pipeline::mri {
namespace {

using Integers = std::vector<std::int64_t>;

constexpr float kNormEps = 1e-3F;  // segmentation.md 2
constexpr std::int64_t kGroups = 8;

class Graph {
 public:
  explicit Graph(const models::SegNetwork& network) : config_(network.config()), state_(network.state()) {}

  io::OnnxModel build(const Integers& spatial) {
    model_.name = config_.architecture;
    model_.producer = "fovea", model_.producer_version = version();
    model_.inputs.push_back(port("input", config_.channels, spatial));
    model_.outputs.push_back(port("output", config_.classes, spatial));
    std::vector<std::string> skips;
    std::string x = encode(skips);
    for (std::int64_t level = levels() - 2; level >= 0; --level)
      x = decode(x, skips[static_cast<std::size_t>(level)], level);
    add("Softmax", {conv(x, "head0")}, "output", {{"axis", std::int64_t{1}}});
    return std::move(model_);
  }

 private:
  using Attributes = std::vector<std::pair<std::string, io::OnnxNode::Attribute>>;

  std::int64_t levels() const { return static_cast<std::int64_t>(config_.filters.size()); }
  Integers each_axis(std::int64_t value) const { return Integers(static_cast<std::size_t>(config_.dims), value); }
  /// At the begin of every axis, then at the end of every axis, as ONNX lists them.
  Integers pads(std::int64_t begin, std::int64_t end) const {
    Integers both = each_axis(begin), ends = each_axis(end);
    both.insert(both.end(), ends.begin(), ends.end());
    return both;
  }

  io::OnnxPort port(const char* name, std::int64_t channels, const Integers& spatial) const {
    io::OnnxPort port{name, {std::int64_t{1}, channels}};
    for (int axis = 0; axis < config_.dims; ++axis) {
      if (spatial.empty())
        port.shape.emplace_back(std::string(1, "xyz"[axis]));
      else
        port.shape.emplace_back(spatial[static_cast<std::size_t>(axis)]);
    }
    return port;
  }

  std::string add(const char* op, std::vector<std::string> inputs, std::string output, Attributes attributes = {}) {
    model_.nodes.push_back({op, std::move(inputs), {output}, std::move(attributes)});
    return output;
  }
  std::string relu(const std::string& x) { return add("Relu", {x}, x + ".relu"); }
  std::string concat(const std::string& a, const std::string& b, const std::string& output) {
    return add("Concat", {a, b}, output, {{"axis", std::int64_t{1}}});
  }
  std::string pool(const char* op, const std::string& x, const std::string& output) {
    return add(op, {x}, output, {{"kernel_shape", each_axis(2)}, {"strides", each_axis(2)}});
  }

  /// The layer's own tensor, by its canonical name.
  std::string weight(const std::string& name) {
    model_.initialisers.try_emplace(name, to_array(state_.at(name)));
    return name;
  }
  std::string conv(const std::string& x, const std::string& name) {
    const std::int64_t kernel = state_.at(name + ".weight").size(2);
    return add("Conv", {x, weight(name + ".weight"), weight(name + ".bias")}, name,
               {{"kernel_shape", each_axis(kernel)}, {"pads", pads(kernel / 2, kernel / 2)}});
  }
  /// "Same" as TensorFlow has it for stride 2: one voxel too many, cut off at the end.
  std::string up(const std::string& x, const std::string& name) {
    return add("ConvTranspose", {x, weight(name + ".weight"), weight(name + ".bias")}, name,
               {{"kernel_shape", each_axis(3)}, {"pads", pads(0, 1)}, {"strides", each_axis(2)}});
  }

  std::string norm(const std::string& x, const std::string& name) {
    const std::string scale = weight(name + ".weight"), shift = weight(name + ".bias");
    if (config_.norm == models::SegNorm::kInstance)
      return add("InstanceNormalization", {x, scale, shift}, name, {{"epsilon", kNormEps}});
    if (config_.norm == models::SegNorm::kGroup) return group_norm(x, name);
    return add("BatchNormalization", {x, scale, shift, weight(name + ".running_mean"), weight(name + ".running_var")},
               name, {{"epsilon", kNormEps}});
  }
  /// Opset 13 has none: the channels of a group laid end to end are one channel of an instance norm.
  std::string group_norm(const std::string& x, const std::string& name) {
    const std::int64_t width = state_.at(name + ".weight").size(0), groups = std::gcd(kGroups, width);
    const std::string flat = add("Reshape", {x, integers(name + ".groups", {1, groups, -1})}, name + ".grouped");
    const std::string plain = add(
        "InstanceNormalization",
        {flat, reals("ones" + std::to_string(groups), groups, 1), reals("zeros" + std::to_string(groups), groups, 0)},
        name + ".plain", {{"epsilon", kNormEps}});
    const std::string shape = add("Shape", {x}, name + ".shape");
    const std::string back = add("Reshape", {plain, shape}, name + ".back");
    const std::string along = integers("per_channel", channel_shape());
    const std::string scaled =
        add("Mul", {back, add("Reshape", {name + ".weight", along}, name + ".scale")}, name + ".scaled");
    return add("Add", {scaled, add("Reshape", {name + ".bias", along}, name + ".shift")}, name);
  }
  Integers channel_shape() const {
    Integers shape = each_axis(1);
    shape.insert(shape.begin(), {1, -1});
    return shape;
  }
  std::string integers(const std::string& name, const Integers& values) {
    model_.initialisers.try_emplace(name,
                                    io::make_array<std::int64_t>(values, {static_cast<std::int64_t>(values.size())}));
    return name;
  }
  std::string reals(const std::string& name, std::int64_t count, float value) {
    model_.initialisers.try_emplace(
        name, io::make_array<float>(std::vector<float>(static_cast<std::size_t>(count), value), {count}));
    return name;
  }

  std::string block(const std::string& x, const std::string& name) {
    const std::string first = relu(norm(conv(x, name + ".conv0"), name + ".bn0"));
    return relu(norm(conv(first, name + ".conv1"), name + ".bn1"));
  }
  std::string gate(const std::string& g, const std::string& x, const std::string& name) {
    const std::string both =
        concat(norm(conv(g, name + ".g"), name + ".g_bn"), norm(conv(x, name + ".x"), name + ".x_bn"), name + ".both");
    const std::string psi = norm(conv(relu(both), name + ".psi"), name + ".psi_bn");
    return add("Mul", {x, add("Sigmoid", {psi}, name + ".alpha")}, name);
  }

  std::string encode(std::vector<std::string>& skips) {
    std::string x = "input", pyramid = "input";
    for (std::int64_t level = 0; level < levels(); ++level) {
      const std::string name = level + 1 == levels() ? "bottom" : "enc" + std::to_string(level);
      if (state_.contains(name + ".pyr.weight")) {
        for (; pyramid_level_ < level; ++pyramid_level_)
          pyramid = pool("AveragePool", pyramid, "pyramid" + std::to_string(pyramid_level_ + 1));
        x = concat(relu(conv(pyramid, name + ".pyr")), x, name + ".with_pyramid");
      }
      x = block(x, name);
      if (level + 1 == levels()) break;
      skips.push_back(x);
      x = pool("MaxPool", x, name + ".down");
    }
    return x;
  }
  std::string decode(const std::string& x, const std::string& skip, std::int64_t level) {
    const std::string name = "dec" + std::to_string(level);
    const std::string raised = relu(norm(up(x, name + ".up"), name + ".up_bn"));
    const std::string passed = config_.attention ? gate(raised, skip, name + ".gate") : skip;
    return block(concat(raised, passed, name + ".both"), name);
  }

  const models::SegConfig& config_;
  const models::StateDict& state_;
  io::OnnxModel model_;
  std::int64_t pyramid_level_ = 0;
};

}  // namespace

io::OnnxModel onnx_graph(const models::SegNetwork& network, const std::vector<std::int64_t>& spatial) {
  const models::SegConfig& config = network.config();
  if (config.architecture != "agunet")
    throw Error(ErrorCode::kUnsupported, config.architecture, "only AGUNet can be written as ONNX",
                "Export an AGUNet model (fovea model info tells the architecture).");
  return Graph(network).build(spatial);
}

}  // namespace fovea::pipeline::mri
