// Reductions in a fixed order over a warp and a block. Device code, C++17.
#pragma once

#include <cuda_runtime.h>

namespace fovea::attention::kernels {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

/// The larger one; a NaN on either side stays.
__device__ inline float larger(float a, float b) {
  return a > b || a != a ? a : b;
}

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return larger(a, b); }
};

/// Over groups of `width` lanes (a power of two); every lane holds the result.
template <class Combine>
__device__ float warp_reduce(float value, Combine combine, int width = kWarp) {
  for (int offset = width / 2; offset > 0; offset /= 2)
    value = combine(value, __shfl_xor_sync(kAllLanes, value, offset));
  return value;
}

/// Over the block; every thread holds the result. `shared` has one float a warp; its threads are whole warps.
template <class Combine>
__device__ float block_reduce(float value, Combine combine, float* shared) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = static_cast<int>(blockDim.x) / kWarp;
  value = warp_reduce(value, combine);
  __syncthreads();  // the last reduction's readers are done with `shared`
  if (threadIdx.x % kWarp == 0) shared[warp] = value;
  __syncthreads();
  float result = shared[0];
  for (int i = 1; i < warps; ++i) result = combine(result, shared[i]);
  return result;
}

}  // namespace fovea::attention::kernels
