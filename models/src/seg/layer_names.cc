#include "seg/layer_names.h"

#include <charconv>
#include <utility>

namespace fovea::models::seg {
namespace {

struct ClassName {
  std::string_view text;
  LayerClass layer_class;
};
constexpr ClassName kClassNames[] = {
    {"conv3d", LayerClass::kConvolution},          {"conv2d", LayerClass::kConvolution},
    {"conv3d_transpose", LayerClass::kTransposed}, {"conv2d_transpose", LayerClass::kTransposed},
    {"batch_normalization", LayerClass::kNorm},
};

struct RoleName {
  LayerClass layer_class;
  std::string_view text;
  Role role;
};
// Keras 3 (`.weights.h5`) numbers the variables of a layer instead of naming them.
constexpr RoleName kKerasRoles[] = {
    {LayerClass::kConvolution, "kernel", Role::kKernel},
    {LayerClass::kConvolution, "bias", Role::kBias},
    {LayerClass::kConvolution, "0", Role::kKernel},
    {LayerClass::kConvolution, "1", Role::kBias},
    {LayerClass::kTransposed, "kernel", Role::kKernel},
    {LayerClass::kTransposed, "bias", Role::kBias},
    {LayerClass::kTransposed, "0", Role::kKernel},
    {LayerClass::kTransposed, "1", Role::kBias},
    {LayerClass::kNorm, "gamma", Role::kGamma},
    {LayerClass::kNorm, "beta", Role::kBeta},
    {LayerClass::kNorm, "moving_mean", Role::kMean},
    {LayerClass::kNorm, "moving_variance", Role::kVar},
    {LayerClass::kNorm, "0", Role::kGamma},
    {LayerClass::kNorm, "1", Role::kBeta},
    {LayerClass::kNorm, "2", Role::kMean},
    {LayerClass::kNorm, "3", Role::kVar},
};
constexpr RoleName kOnnxRoles[] = {
    {LayerClass::kConvolution, "Conv3D/ReadVariableOp", Role::kKernel},
    {LayerClass::kConvolution, "Conv2D/ReadVariableOp", Role::kKernel},
    {LayerClass::kConvolution, "BiasAdd/ReadVariableOp", Role::kBias},
    {LayerClass::kTransposed, "conv3d_transpose/ReadVariableOp", Role::kKernel},
    {LayerClass::kTransposed, "conv2d_transpose/ReadVariableOp", Role::kKernel},
    {LayerClass::kTransposed, "BiasAdd/ReadVariableOp", Role::kBias},
    {LayerClass::kNorm, "ReadVariableOp", Role::kGamma},
    {LayerClass::kNorm, "ReadVariableOp_1", Role::kBeta},
    {LayerClass::kNorm, "FusedBatchNormV3/ReadVariableOp", Role::kMean},
    {LayerClass::kNorm, "FusedBatchNormV3/ReadVariableOp_1", Role::kVar},
};

/// "conv3d_12" -> convolution, 12. The whole component must be class and number.
std::optional<std::pair<LayerClass, std::int64_t>> parse_layer(std::string_view component) {
  for (const ClassName& row : kClassNames) {
    if (!component.starts_with(row.text)) continue;
    std::string_view rest = component.substr(row.text.size());
    if (rest.empty()) return std::pair{row.layer_class, std::int64_t{0}};
    if (rest.size() < 2 || rest.front() != '_') continue;
    rest.remove_prefix(1);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc() && end == rest.data() + rest.size() && number >= 0)
      return std::pair{row.layer_class, number};
  }
  return std::nullopt;
}

template <std::size_t N>
std::optional<TensorName> parse(std::string_view name, const RoleName (&roles)[N]) {
  if (name.ends_with(":0")) name.remove_suffix(2);
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t slash = name.find('/', begin);
    if (slash == std::string_view::npos) return std::nullopt;
    const auto layer = parse_layer(name.substr(begin, slash - begin));
    for (const RoleName& row : roles) {
      if (layer && row.layer_class == layer->first && row.text == name.substr(slash + 1)) {
        return TensorName{layer->first, layer->second, std::string(name.substr(0, slash)), row.role};
      }
    }
    begin = slash + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<TensorName> parse_keras_name(std::string_view name) {
  return parse(name, kKerasRoles);
}
std::optional<TensorName> parse_onnx_name(std::string_view name) {
  return parse(name, kOnnxRoles);
}

}  // namespace fovea::models::seg
