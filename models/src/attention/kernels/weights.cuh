// Attention weights from scores and their merged state. Device code, C++17.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "attention/kernels/pool_cuda.h"

namespace fovea::attention::kernels {

/// exp(s - m) / l, not exp(s - lse): a float32 lse of 1e3 would cost four digits. 0 for a branch without a key.
__device__ inline float softmax_weight(float score, const ShiftedState& total) {
  return total.m == -INFINITY ? 0.0f : expf(score - total.m) / total.l;
}

/// Weights (branch, row) as the sums of rows take them.
struct SoftmaxWeights {
  const float* scores;
  const ShiftedState* totals;
  std::int64_t stride;
  __device__ float operator()(std::int64_t k, std::int64_t row) const {
    return softmax_weight(scores[k * stride + row], totals[k]);
  }
};
struct GivenWeights {
  const float* weights;  ///< null for ones
  std::int64_t stride;
  __device__ float operator()(std::int64_t k, std::int64_t row) const {
    return weights ? weights[k * stride + row] : 1.0f;
  }
};

}  // namespace fovea::attention::kernels
