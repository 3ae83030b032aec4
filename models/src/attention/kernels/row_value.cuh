// Rows of features as float32, whatever they are stored in. Device code, C++17.
#pragma once

#include <cuda_bf16.h>

namespace fovea::attention::kernels {

__device__ inline float as_float(float value) {
  return value;
}
__device__ inline float as_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}

}  // namespace fovea::attention::kernels
