// Masks of scores. Device code, C++17.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "attention/kernels/pool_cuda.h"

namespace fovea::attention::kernels {

__device__ inline bool is_kept(const KeepView& keep, std::int64_t k, std::int64_t row) {
  return !keep.keep || keep.keep[k * keep.stride + row];
}

/// The score of a row, from the dot of its hidden units with w_k.
__device__ inline float masked_score(const GateView& gate, const KeepView& keep, std::int64_t k, std::int64_t row,
                                     float dot) {
  return is_kept(keep, k, row) ? dot + gate.b[k] : keep.fill;
}

}  // namespace fovea::attention::kernels
