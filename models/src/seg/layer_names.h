// Reading the names that Keras and tf2onnx give to tensors: class of the layer, its number, the role of the tensor in
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fovea::models::seg {

enum class LayerClass { kConvolution, kTransposed, kNorm };
enum class Role { kKernel, kBias, kGamma, kBeta, kMean, kVar };

struct TensorName {
  LayerClass layer_class;
  std::int64_t number = 0;  ///< numeric suffix: the order of creation; 0 when there is none
  std::string layer;        ///< path up to and including the layer's own name
  Role role;
};

/// `conv3d_3/kernel`, `batch_normalization/moving_mean`, also with a path before and `:0` behind; nothing for anything
/// else.
std::optional<TensorName> parse_keras_name(std::string_view name);

/// `model/conv3d_7/Conv3D/ReadVariableOp:0` and its kin.
std::optional<TensorName> parse_onnx_name(std::string_view name);

}  // namespace fovea::models::seg
