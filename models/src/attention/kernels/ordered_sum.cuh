// The sum of partial results in index order: what takes the place of atomics. Device code, C++17.
#pragma once

#include <cstdint>

#include "attention/kernels/launch.h"

namespace fovea::attention::kernels {

static __global__ void ordered_sum(const float* parts, std::int64_t count, std::int64_t size, bool accumulate,
                                   float* out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  float sum = accumulate ? out[i] : 0.0f;
  for (std::int64_t part = 0; part < count; ++part) sum += parts[part * size + i];
  out[i] = sum;
}

/// out [size] = (out +) parts[0] + parts[1] + ...; parts [count, size].
static inline int launch_ordered_sum(const float* parts, std::int64_t count, std::int64_t size, bool accumulate,
                                     float* out, void* stream) {
  constexpr int kThreads = 256;
  return FOVEA_LAUNCH(ordered_sum, Grid{blocks_for(size, kThreads)}, kThreads, 0, stream, parts, count, size,
                      accumulate, out);
}

}  // namespace fovea::attention::kernels
