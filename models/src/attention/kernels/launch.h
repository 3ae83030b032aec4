// How kernels are started and how they name their dynamic shared memory, under nvcc and under the host emulation of the
// tests (tests/support/cuda_emulation). C++17, no tensor library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>

#include <cuda_runtime.h>

/// `FOVEA_DYNAMIC_SHARED(float, tile);` declares `float* tile`, 128-byte aligned.
#if defined(FOVEA_CUDA_EMULATION)
#define FOVEA_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(::cuda_emulation::dynamic_shared())
#else
#define FOVEA_DYNAMIC_SHARED(type, name)                                 \
  extern __shared__ __align__(128) unsigned char fovea_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(fovea_dynamic_shared)
#endif

/// FOVEA_LAUNCH((kernel<A, B>), Grid{blocks}, threads, shared_bytes, stream, arguments...): 0 or a cudaError_t. A
/// template with commas goes in parentheses.
#define FOVEA_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
  ::fovea::attention::kernels::launch(kernel, grid, block, shared_bytes, stream, __VA_ARGS__)

namespace fovea::attention::kernels {

/// Counted in 64 bits, so that a grid too large is an error and not a smaller grid.
struct Grid {
  std::int64_t x = 1, y = 1, z = 1;
};

inline bool within_limits(const Grid& grid) {
  return grid.x >= 1 && grid.x <= 0x7fffffff && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535;
}

template <class... Parameters, class... Arguments>
int launch(void (*kernel)(Parameters...), Grid grid, dim3 block, std::size_t shared_bytes, void* stream,
           Arguments... arguments) {
  constexpr std::size_t kWithoutAsking = 48 << 10;
  if (!within_limits(grid)) return cudaErrorInvalidConfiguration;
  if (shared_bytes > kWithoutAsking) {
    const auto status =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    if (status != cudaSuccess) return status;
  }
  const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y), static_cast<unsigned>(grid.z));
#if defined(FOVEA_CUDA_EMULATION)
  static_cast<void>(stream);
  ::cuda_emulation::launch(reinterpret_cast<const void*>(kernel), blocks, block, shared_bytes,
                           [&] { kernel(static_cast<Parameters>(arguments)...); });
#else
  // Not the triple chevrons: clang-format 14 takes them for templates.
  std::tuple<Parameters...> values(static_cast<Parameters>(arguments)...);
  std::apply(
      [&](auto&... value) {
        void* addresses[] = {const_cast<void*>(static_cast<const void*>(&value))...};
        cudaLaunchKernel(reinterpret_cast<const void*>(kernel), blocks, block, addresses, shared_bytes,
                         static_cast<cudaStream_t>(stream));
      },
      values);
#endif
  return cudaGetLastError();
}

__host__ __device__ inline std::int64_t blocks_for(std::int64_t count, std::int64_t per_block) {
  return (count + per_block - 1) / per_block;
}

}  // namespace fovea::attention::kernels
