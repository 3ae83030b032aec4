// Channel attention's contract on CUDA: products over all voxels, and mixtures of channels. Contiguous float32 device
// memory. The softmax over channels in between is small (ops/cuda_channel.cc).
#pragma once

#include <cstdint>

namespace fovea::attention::kernels {

/// [images, channels, voxels]
struct ChannelImages {
  std::int64_t images, channels, voxels;
};
constexpr std::int64_t kGramSplit = 4096;  // voxels

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
/// parts [images, splits, channels, channels] = x y^T over the voxels of a split.
int fovea_cuda_channel_gram(const fovea::attention::kernels::ChannelImages* of, const float* x, const float* y,
                            float* parts, void* stream);
/// out = weights x + plus, weights [images, channels, channels]; plus may be null.
int fovea_cuda_channel_mix(const fovea::attention::kernels::ChannelImages* of, const float* weights, const float* x,
                           const float* plus, float* out, void* stream);
}
