// Neighbourhood attention's contract on CUDA (the CPU path is tiles of matrix products, ops/neighbourhood_tiles.cc).
#pragma once

#include <cstdint>

#include "attention/kernels/attend.h"
#include "attention/kernels/window.h"

namespace fovea::attention::kernels {

/// Three axes, leading ones of length 1 where the grid has fewer. Axis lengths fit an int. `valid`: one entry a token,
/// or null. All heads have one window.
struct WindowGrid {
  Axis axes[3];
  const bool* valid;
  std::int64_t heads;  ///< batches times heads
};

FOVEA_HOST_DEVICE inline std::int64_t tokens_of(const WindowGrid& grid) {
  return grid.axes[0].length * grid.axes[1].length * grid.axes[2].length;
}

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
/// q, k, v [heads, tokens, ..] -> out [heads, tokens, value_width], lse [heads, tokens]; holes give 0 and -inf.
int fovea_cuda_neighbourhood(const fovea::attention::kernels::WindowGrid* grid,
                             const fovea::attention::kernels::Attend* in, float* out, float* lse, void* stream);
int fovea_cuda_neighbourhood_backward(const fovea::attention::kernels::WindowGrid* grid,
                                      const fovea::attention::kernels::Attend* in,
                                      const fovea::attention::kernels::AttendGradients* gradients, void* stream);
}
