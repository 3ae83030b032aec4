// What segmentation networks are made of, for 2 and 3 spatial dimensions alike. reference/segmentation.md 2.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include <fovea/models/state.h>

namespace fovea::models::seg {

constexpr double kBatchNormEps = 1e-3;       ///< Keras' default, not LibTorch's 1e-5
constexpr double kBatchNormMomentum = 0.01;  ///< 0.99 in Keras' terms

/// Odd kernel, stride 1, zero padding that keeps the size.
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// Transposed convolution, kernel 3, stride 2, output exactly 2n: TensorFlow's "same", i.e. cropped at the end only.
/// LibTorch's padding = 1, output_padding = 1 would shift the result by one voxel.
at::Tensor upsample(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

at::Tensor max_pool(const at::Tensor& x);      ///< 2, stride 2
at::Tensor average_pool(const at::Tensor& x);  ///< 2, stride 2

/// With running statistics, or with those of the batch (the running ones are then updated in place, unbiased variance).
at::Tensor batch_norm(const at::Tensor& x, const StateDict& state, const std::string& name, bool training);

/// The dense layout in which CPU convolutions need no reordering of activations: channels innermost.
at::Tensor channels_last(const at::Tensor& x);

/// Images (or kernels) with a second channel of zeros where they have only one. A single channel has no layout to
/// recognise, so LibTorch would fall back to its slow convolution: 0.35 s instead of 0.17 s on 128 x 128 x 144.
at::Tensor at_least_two_channels(const at::Tensor& x);

/// A convolution with the batch norm that follows it folded in.
struct Folded {
  at::Tensor weight, bias;
};
/// `norm` empty: the convolution alone. `out_dim`: the weight's output dimension, 1 for transposed convolutions.
Folded fold(const StateDict& state, const std::string& convolution, const std::string& norm, std::int64_t out_dim = 0);

}  // namespace fovea::models::seg
