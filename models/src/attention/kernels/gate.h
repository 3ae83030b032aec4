// The gate kernel's contract on CUDA (the CPU path: vector/tile_table.h, ops/gate_tiles.cc).
#pragma once

#include <cstdint>

#include "attention/kernels/pointwise.h"

namespace fovea::attention::kernels {

/// alpha = sigmoid(sum over `count` of psi_f relu(pre_f) + bpsi). Concatenating gates have two sets of hidden values,
/// adding ones a single set of two projections. x [images, x_channels, voxels] is what alpha multiplies.
struct GateLogits {
  Hidden hidden[2];
  const float* psi[2];
  int count;
  const float* bpsi;
  const float* x;
  std::int64_t x_channels;
};

/// grad_out like x, grad_alpha [images, voxels] or null. Writes the gradient of the logit, slope [images, voxels], and
/// grad_out alpha to dx.
struct GateSlope {
  const float *grad_out, *grad_alpha;
  float *slope, *dx;
};

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
/// alpha [images, voxels]; out = alpha x, may be null.
int fovea_cuda_attention_gate(const fovea::attention::kernels::GateLogits* in, float* alpha, float* out, void* stream);
int fovea_cuda_gate_slope(const fovea::attention::kernels::GateLogits* in,
                          const fovea::attention::kernels::GateSlope* gradients, void* stream);
}
