// A 128 x 128 tile of a float32 product by 256 threads, 8 x 8 values each. Device code, C++17.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace fovea::attention::kernels {

constexpr int kTile = 128, kTileDepth = 16, kTileThreads = 256, kTilePitch = kTile + 4;
constexpr int kTileFloats = 2 * kTileDepth * kTilePitch;  ///< shared memory of one product

/// Row (or column) of the tile that a thread's value i lies in: two groups of four, so that shared memory is read in
/// float4.
__device__ inline int tile_index(int thread, int i) {
  return (i < 4 ? 0 : kTile / 2) + 4 * thread + i % 4;
}

/// One operand's next slab, transposed to [depth][kTile]. `at(i, k)` gives the value of row (column) i; neighbouring
/// threads take neighbouring k when that is how the matrix lies, else neighbouring i.
template <bool kAlongDepth, class At>
__device__ void load_slab(const At& at, std::int64_t k0, float* slab) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTileDepth; i += kTileThreads) {
    const int k = kAlongDepth ? i % kTileDepth : i / kTile, row = kAlongDepth ? i / kTileDepth : i % kTile;
    slab[k * kTilePitch + row] = at(row, k0 + k);
  }
}

/// accumulators[i][j] += sum over k < depth of a(row i, k) b(column j, k), in order of k. Operands return 0 beyond
/// their bounds, k included.
template <bool kAAlongDepth, bool kBAlongDepth, class A, class B>
__device__ void tile_product(const A& a, const B& b, std::int64_t depth, float* shared, float (&accumulators)[8][8]) {
  float *const slab_a = shared, *const slab_b = shared + kTileDepth * kTilePitch;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  for (std::int64_t k0 = 0; k0 < depth; k0 += kTileDepth) {
    load_slab<kAAlongDepth>(a, k0, slab_a);
    load_slab<kBAlongDepth>(b, k0, slab_b);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kTileDepth; ++k) {
      float left[8], right[8];
      for (int half = 0; half < 2; ++half) {
        const float4 l = *reinterpret_cast<const float4*>(slab_a + k * kTilePitch + half * kTile / 2 + 4 * ty);
        const float4 r = *reinterpret_cast<const float4*>(slab_b + k * kTilePitch + half * kTile / 2 + 4 * tx);
        left[4 * half] = l.x, left[4 * half + 1] = l.y, left[4 * half + 2] = l.z, left[4 * half + 3] = l.w;
        right[4 * half] = r.x, right[4 * half + 1] = r.y, right[4 * half + 2] = r.z, right[4 * half + 3] = r.w;
      }
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 8; ++j) accumulators[i][j] += left[i] * right[j];
    }
    __syncthreads();
  }
}

/// Calls `store(row, column, value)` for every value that this thread holds of the tile.
template <class Store>
__device__ void for_tile(const float (&values)[8][8], const Store& store) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) store(tile_index(ty, i), tile_index(tx, j), values[i][j]);
}

}  // namespace fovea::attention::kernels
