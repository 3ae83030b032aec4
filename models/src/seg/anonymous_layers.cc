// Keras and ONNX files know the layers of a network by class and number of creation only. reference/segmentation.md 5.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

#include "seg/layer_names.h"

namespace fovea::models {
namespace {

using seg::LayerClass;
using seg::Role;

[[noreturn]] void unsupported(const std::string& problem) {
  throw Error(ErrorCode::kUnsupported, "weights", problem,
              "Import a network built by the public AGUNet code, or convert the weights to canonical names.");
}

struct Layer {
  std::string path;
  std::array<at::Tensor, 6> tensors;  ///< by Role
  at::Tensor& operator[](Role role) { return tensors[static_cast<std::size_t>(role)]; }
};

/// (class, number, path): in order of creation within a class; the path only breaks ties between two networks in one
/// file.
using Key = std::tuple<LayerClass, std::int64_t, std::string>;

class Collector {
 public:
  Collector(const StateDict& tensors, std::span<const GraphNode> graph) : tensors_(tensors), graph_(graph) {}

  void collect_keras() {
    for (const auto& [name, tensor] : tensors_) {
      const auto parsed = seg::parse_keras_name(name);
      if (!parsed) continue;
      place(*parsed, name, parsed->role == Role::kKernel ? from_keras(tensor, name) : tensor);
    }
    for (auto& [key, layer] : layers_) {
      if (std::get<0>(key) == LayerClass::kNorm) complete_keras_norm(layer);
    }
  }

  void collect_onnx() {
    for (const auto& [name, tensor] : tensors_) {
      if (const auto parsed = seg::parse_onnx_name(name)) place(*parsed, name, tensor);
    }
    std::vector<Layer*> without_bias;
    for (auto& [key, layer] : layers_) {
      if (std::get<0>(key) == LayerClass::kNorm) {
        complete_onnx_norm(layer);
      } else if (!layer[Role::kBias].defined() && layer[Role::kKernel].defined()) {
        if (graph_.empty())
          without_bias.push_back(&layer);
        else
          layer[Role::kBias] = bias_in_graph(layer);
      }
    }
    for (Layer* layer : without_bias) (*layer)[Role::kBias] = bias_by_shape(*layer, without_bias);
  }

  AnonymousLayers finish() {
    AnonymousLayers result;
    for (auto& [key, layer] : layers_) {
      const LayerClass layer_class = std::get<0>(key);
      if (layer_class == LayerClass::kNorm) {
        result.norms.push_back(finished_norm(layer));
        continue;
      }
      if (!layer[Role::kKernel].defined()) unsupported("layer " + layer.path + " has a bias but no kernel");
      auto& list = layer_class == LayerClass::kTransposed ? result.transposed : result.convolutions;
      list.push_back({layer[Role::kKernel], layer[Role::kBias]});
    }
    if (result.convolutions.empty()) {
      unsupported("the file has no convolution layers with the names that Keras or tf2onnx give");
    }
    if (result.convolutions.front().weight.dim() > 1) {
      result.input_channels = static_cast<int>(result.convolutions.front().weight.size(1));
    }
    return result;
  }

 private:
  void place(const seg::TensorName& parsed, const std::string& name, const at::Tensor& tensor) {
    Layer& layer = layers_[{parsed.layer_class, parsed.number, parsed.layer}];
    layer.path = parsed.layer;
    if (layer[parsed.role].defined()) unsupported("layer " + parsed.layer + " has two tensors of the role of " + name);
    layer[parsed.role] = tensor;
    used_.insert(name);
  }

  /// [k..., in, out] -> [out, in, k...]; transposed kernels are [k..., out, in] -> [in, out, k...]: the same
  /// permutation.
  static at::Tensor from_keras(const at::Tensor& kernel, const std::string& name) {
    if (kernel.dim() != 4 && kernel.dim() != 5) unsupported("kernel " + name + " is neither 2-D nor 3-D");
    const std::int64_t spatial = kernel.dim() - 2;
    std::vector<std::int64_t> order{spatial + 1, spatial};
    for (std::int64_t axis = 0; axis < spatial; ++axis) order.push_back(axis);
    return kernel.permute(order).contiguous();
  }

  /// Keras layers built with scale = False or center = False do not store these.
  static void complete_keras_norm(Layer& layer) {
    const at::Tensor& like = layer[Role::kMean];
    if (!like.defined()) return;
    if (!layer[Role::kGamma].defined()) layer[Role::kGamma] = at::ones_like(like);
    if (!layer[Role::kBeta].defined()) layer[Role::kBeta] = at::zeros_like(like);
  }

  void complete_onnx_norm(Layer& layer) {
    constexpr std::array kRoles{Role::kGamma, Role::kBeta, Role::kMean, Role::kVar};
    for (const GraphNode& node : graph_) {
      if (node.op != "BatchNormalization" || !node.name.starts_with(layer.path + "/") || node.inputs.size() < 5)
        continue;
      for (std::size_t i = 0; i < kRoles.size(); ++i) {
        if (!layer[kRoles[i]].defined()) layer[kRoles[i]] = initialiser(node.inputs[i + 1]);
      }
    }
  }

  at::Tensor initialiser(const std::string& name) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return {};
    used_.insert(name);
    return found->second;
  }

  /// The bias input of the layer's own node, or the constant of the addition that follows it.
  at::Tensor bias_in_graph(const Layer& layer) {
    for (const GraphNode& node : graph_) {
      if (node.inputs.size() < 2 || !is_kernel_of(node.inputs[1], layer)) continue;
      if (node.inputs.size() > 2) return flat(initialiser(node.inputs[2]));
      for (const GraphNode& next : graph_) {
        if (next.op != "Add" || next.inputs.size() != 2 || node.outputs.empty()) continue;
        const bool first = next.inputs[0] == node.outputs[0], second = next.inputs[1] == node.outputs[0];
        if (!first && !second) continue;
        const at::Tensor bias = initialiser(next.inputs[first ? 1 : 0]);
        if (bias.defined()) return bias.flatten();
      }
    }
    return {};
  }

  static at::Tensor flat(const at::Tensor& tensor) { return tensor.defined() ? tensor.flatten() : tensor; }

  static bool is_kernel_of(const std::string& input, const Layer& layer) {
    const auto parsed = seg::parse_onnx_name(input);
    return parsed && parsed->role == Role::kKernel && parsed->layer == layer.path;
  }

  /// Without a graph: the one unnamed [1, F, 1, ...] constant of the right width, provided no other layer could claim
  /// it.
  at::Tensor bias_by_shape(Layer& layer, const std::vector<Layer*>& rivals) {
    const auto width = [](Layer& of) {
      const bool transposed = of.path.find("_transpose") != std::string::npos;
      return of[Role::kKernel].size(transposed ? 1 : 0);
    };
    const std::int64_t filters = width(layer);
    std::vector<at::Tensor> candidates;
    for (const auto& [name, tensor] : tensors_) {
      if (used_.contains(name) || !tensor.is_floating_point()) continue;
      if (tensor.dim() >= 3 && tensor.size(1) == filters && tensor.numel() == filters) candidates.push_back(tensor);
    }
    const auto claims =
        std::count_if(rivals.begin(), rivals.end(), [&](Layer* rival) { return width(*rival) == filters; });
    if (candidates.size() != 1 || claims != 1) {
      unsupported("the bias of layer " + layer.path + " cannot be told apart without the graph");
    }
    return candidates.front().flatten();
  }

  static AnonymousLayers::Norm finished_norm(Layer& layer) {
    for (const Role role : {Role::kGamma, Role::kBeta, Role::kMean, Role::kVar}) {
      if (!layer[role].defined()) unsupported("batch normalisation " + layer.path + " lacks some of its four tensors");
    }
    return {layer[Role::kGamma], layer[Role::kBeta], layer[Role::kMean], layer[Role::kVar]};
  }

  const StateDict& tensors_;
  std::span<const GraphNode> graph_;
  std::map<Key, Layer> layers_;
  std::set<std::string> used_;
};

}  // namespace

AnonymousLayers anonymous_layers(const StateDict& tensors, std::string_view format) {
  return anonymous_layers(tensors, format, {});
}

AnonymousLayers anonymous_layers(const StateDict& tensors, std::string_view format, std::span<const GraphNode> graph) {
  Collector collector(tensors, graph);
  if (format == "keras-hdf5") {
    collector.collect_keras();
  } else if (format == "onnx") {
    collector.collect_onnx();
  } else {
    unsupported("weights of format \"" + std::string(format) + "\" have names of their own, not anonymous layers");
  }
  return collector.finish();
}

}  // namespace fovea::models
