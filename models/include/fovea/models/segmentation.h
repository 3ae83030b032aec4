// Attention-gated segmentation networks over [B, C, X, Y, Z] (dims = 3) or [B, C, X, Y] (dims = 2).
// reference/segmentation.md 1-5.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/models/state.h>

namespace fovea::models {

struct SegConfig {
  std::string architecture;  ///< name of a row of seg_models()
  int dims = 3;              ///< 3, or 2: the same network slice by slice
  std::int64_t channels = 1, classes = 2;
  std::vector<std::int64_t> filters;  ///< one per level, full resolution first
  bool multi_scale = true, deep_supervision = true, attention = true;
  std::int64_t divisor() const {
    return std::int64_t{1} << (filters.size() - 1);
  }  ///< every spatial size must divide by it
};

struct SegOutput {
  std::vector<at::Tensor> heads;  ///< logits [B, classes, spatial / 2^l], full resolution first; softmax not applied
  std::map<std::string, at::Tensor> mid;  ///< psi{l}, gated{l}, bottom_in_bn1 ... when asked for
};

class SegNetwork {
 public:
  virtual ~SegNetwork() = default;
  virtual const SegConfig& config() const = 0;
  virtual const std::vector<TensorSpec>& specs() const = 0;
  virtual const StateDict& state() const = 0;

  /// All heads; batch norm with running statistics when !training, else batch statistics and the running ones are
  /// updated in place (momentum 0.01, unbiased variance). Differentiable. Error(kShape) when a size does not divide by
  /// config().divisor().
  virtual SegOutput forward(const at::Tensor& x, bool training, bool keep_mid = false) const = 0;

  /// Softmax of head 0 only, batch norm folded, skips freed early, no graph: the path for inference. [B, classes,
  /// spatial].
  virtual at::Tensor infer(const at::Tensor& x) const = 0;
};

struct SegRow {
  std::string_view name, description, source, parameters;
  std::function<std::optional<SegConfig>(const StateDict&)> recognise;  ///< canonical names
  std::function<std::vector<TensorSpec>(const SegConfig&)> specs;
  std::function<std::unique_ptr<SegNetwork>(const SegConfig&, StateDict)> make;
  /// Anonymous weights (Keras, ONNX): tensors in creation order -> canonical names and LibTorch layout; nothing if they
  /// are not this model's. See anonymous_layers.h of models/src/seg.
  std::function<std::optional<StateDict>(const struct AnonymousLayers&)> from_anonymous;
};
std::span<const SegRow> seg_models();
const SegRow& seg_model(std::string_view name);

/// Layers of a file that knows only classes and creation order; weights already in LibTorch layout ([out,in,k...],
/// transposed [in,out,k...]).
struct AnonymousLayers {
  struct Convolution {
    at::Tensor weight, bias;
  };  ///< bias may be undefined
  struct Norm {
    at::Tensor gamma, beta, mean, var;
  };
  std::vector<Convolution> convolutions, transposed;
  std::vector<Norm> norms;
  int input_channels = 0;  ///< 0 = unknown
};
/// Sorts the tensors of a Keras file (names `<layer>/<weight>`) or of ONNX initialisers (tf2onnx names) by class and
/// numeric suffix; permutes Keras kernels. `format`: "keras-hdf5" or "onnx", as WeightFile spells it.
/// Error(kUnsupported) when there are no such layers.
AnonymousLayers anonymous_layers(const StateDict& tensors, std::string_view format);

/// A node of an ONNX graph: what attributes an initialiser whose name says nothing (tf2onnx folds the bias of a
/// transposed convolution into `const_fold_opt__149`, and merges equal constants) to its layer.
struct GraphNode {
  std::string op, name;
  std::vector<std::string> inputs, outputs;
};
/// The same with the graph at hand. Without it a bias that only its shape could attribute, and does not, is
/// Error(kUnsupported).
AnonymousLayers anonymous_layers(const StateDict& tensors, std::string_view format, std::span<const GraphNode> graph);

/// 1 - (2 sum(pt) + 1) / (sum p^2 + sum t^2 + 1) over foreground classes; p: softmax [B,C,...], label int64 [B,...].
/// segmentation.md 6.
at::Tensor foreground_dice_loss(const at::Tensor& probabilities, const at::Tensor& label);
/// Sum over heads; the target of head l is the label subsampled with stride 2^l.
at::Tensor deep_supervision_loss(const SegOutput& output, const at::Tensor& label, bool add_cross_entropy = false);

}  // namespace fovea::models
