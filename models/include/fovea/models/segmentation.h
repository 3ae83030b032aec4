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
#include <utility>
#include <vector>

#include <fovea/models/state.h>

namespace fovea::models {

enum class SegNorm {
  kBatch,    ///< running statistics at inference
  kGroup,    ///< 8 groups of channels per image; gcd(8, width) where 8 does not divide the width
  kInstance  ///< each channel of each image
};

struct SegConfig {
  std::string architecture;  ///< name of a row of seg_models()
  int dims = 3;              ///< 3, or 2: the same network slice by slice
  std::int64_t channels = 1, classes = 2;
  std::vector<std::int64_t> filters;  ///< one per level, full resolution first
  bool multi_scale = true, deep_supervision = true, attention = true;
  bool guided = true;              ///< DAUNet: the attended bottom joins every decoder level
  bool pyramid_at_bottom = false;  ///< as in the paper's figure; the code has none there
  SegNorm norm = SegNorm::kBatch;
  double dropout = 0;         ///< share of channels dropped after each convolution of a block, training only
  double fuse_dropout = 0.5;  ///< DAUNet: the same in and after its attention branches
  std::string variant;        ///< UpAttLLSTM: "", "unidirectional", "logic" or "logic unidirectional"
  std::int64_t divisor() const {
    return std::int64_t{1} << (filters.size() - 1);
  }  ///< every spatial size must divide by it (UpAttLLSTM: all but the last, its slices)
};

/// What a network looks at. A tensor alone means that every image of the batch has every channel.
struct SegInput {
  SegInput(at::Tensor image) : x(std::move(image)) {}  // NOLINT: a tensor is an input
  SegInput(at::Tensor image, at::Tensor channels) : x(std::move(image)), present(std::move(channels)) {}
  at::Tensor x;        ///< [B, C, spatial...]
  at::Tensor present;  ///< bool [B, C] or undefined: all. Only hetero-modal networks take images with absent channels
};

struct SegOutput {
  std::vector<at::Tensor> heads;          ///< logits [B, classes, spatial / 2^l], full resolution first; softmax not
                                          ///< applied. UpAttLLSTM does not halve its slices
  std::map<std::string, at::Tensor> mid;  ///< psi{l}, gated{l}, pam, cam, fuse, bottom_in_bn1: when asked for
};

class SegNetwork {
 public:
  virtual ~SegNetwork() = default;
  virtual const SegConfig& config() const = 0;
  virtual const std::vector<TensorSpec>& specs() const = 0;
  virtual const StateDict& state() const = 0;

  /// All heads; batch norm with running statistics when !training, else batch statistics and the running ones are
  /// updated in place (momentum 0.01, unbiased variance). Differentiable. Error(kShape) when a size does not divide by
  /// config().divisor(). Dropout, where configured, draws from LibTorch's default generator.
  virtual SegOutput forward(const SegInput& input, bool training, bool keep_mid = false) const = 0;

  /// Softmax of head 0 only, batch norm folded, skips freed early, no graph: the path for inference. [B, classes,
  /// spatial].
  virtual at::Tensor infer(const SegInput& input) const = 0;
};

struct SegRow {
  std::string_view name, description, source, parameters;
  std::function<std::optional<SegConfig>(const StateDict&)> recognise;  ///< canonical names
  std::function<std::vector<TensorSpec>(const SegConfig&)> specs;
  std::function<std::unique_ptr<SegNetwork>(const SegConfig&, StateDict)> make;
  /// Anonymous weights (Keras, ONNX): tensors in creation order -> canonical names and LibTorch layout; nothing if they
  /// are not this model's. See anonymous_layers.h of models/src/seg.
  std::function<std::optional<StateDict>(const struct AnonymousLayers&)> from_anonymous;
  std::string_view anonymous_notice = {};  ///< what the user of such a file should know
  bool takes_slices = true;                ///< also dims = 2
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

/// Transposed convolution, kernel 3, exactly stride * n long on every axis, aligned as TensorFlow's "same": cropped or
/// extended with zeros at the end only, then the bias. segmentation.md 2.
at::Tensor transposed_same(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t stride);

/// 1 - (2 sum(pt) + 1) / (sum p^2 + sum t^2 + 1) over foreground classes; p: softmax [B,C,...], label int64 [B,...].
/// segmentation.md 6.
at::Tensor foreground_dice_loss(const at::Tensor& probabilities, const at::Tensor& label);
/// Sum over heads; the target of head l is the label subsampled with stride 2^l.
at::Tensor deep_supervision_loss(const SegOutput& output, const at::Tensor& label, bool add_cross_entropy = false);

}  // namespace fovea::models
