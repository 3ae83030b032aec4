// Products of float32 tiles in shared memory, the inner loop of all kernels here but pooling. 128 threads: eight share
// a row, a thread has 4 rows. Sums run in index order, so bits do not depend on anything but the sizes.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "attention/kernels/launch.h"

namespace fovea::attention::kernels {

constexpr int kTileThreads = 128;
constexpr int kTileRows = 64;   // rows of a tile of results
constexpr int kTileDepth = 32;  // summed over at once
constexpr int kTileWidth = 64;  // columns of sums of values
constexpr int kTilePairs = 32;  // columns of dot products
constexpr int kRowThreads = 8;  // threads that share a row, neighbours in a warp
constexpr int kThreadRows = kTileRows * kRowThreads / kTileThreads;
constexpr int kThreadPairs = kTilePairs / kRowThreads;
constexpr int kThreadWidth = kTileWidth / kRowThreads;

__device__ inline int tile_row(int i) {
  return static_cast<int>(threadIdx.x) / kRowThreads + i * (kTileThreads / kRowThreads);
}
__device__ inline int tile_column(int j) {
  return static_cast<int>(threadIdx.x) % kRowThreads + j * kRowThreads;
}

/// The odd stride keeps threads of a warp on different banks, by row and by column.
template <int kRows>
struct Tile {
  float at[kRows][kTileDepth + 1];
};
/// Rows of values to be summed.
struct ValueTile {
  float at[kTileDepth][kTileWidth];
};

/// tile[r][c] = load(r, c); neighbouring threads take neighbouring columns.
template <int kRows, class Load>
__device__ void fill_by_columns(Tile<kRows>& tile, Load load) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kTileDepth; i += kTileThreads)
    tile.at[i / kTileDepth][i % kTileDepth] = load(i / kTileDepth, i % kTileDepth);
}
/// The same where memory runs along the rows.
template <int kRows, class Load>
__device__ void fill_by_rows(Tile<kRows>& tile, Load load) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kTileDepth; i += kTileThreads)
    tile.at[i % kRows][i / kRows] = load(i % kRows, i / kRows);
}
template <class Load>
__device__ void fill(ValueTile& tile, Load load) {
  for (int i = static_cast<int>(threadIdx.x); i < kTileDepth * kTileWidth; i += kTileThreads)
    tile.at[i / kTileWidth][i % kTileWidth] = load(i / kTileWidth, i % kTileWidth);
}

/// sums[i][j] += a[row i] . b[column j]
__device__ inline void add_dots(const Tile<kTileRows>& a, const Tile<kTilePairs>& b,
                                float (&sums)[kThreadRows][kThreadPairs]) {
  for (int k = 0; k < kTileDepth; ++k) {
    float left[kThreadRows], right[kThreadPairs];
    for (int i = 0; i < kThreadRows; ++i) left[i] = a.at[tile_row(i)][k];
    for (int j = 0; j < kThreadPairs; ++j) right[j] = b.at[tile_column(j)][k];
    for (int i = 0; i < kThreadRows; ++i)
      for (int j = 0; j < kThreadPairs; ++j) sums[i][j] += left[i] * right[j];
  }
}

/// sums[i][j] += sum over k of weights[row i][k] values[k][column j]
__device__ inline void add_products(const Tile<kTileRows>& weights, const ValueTile& values,
                                    float (&sums)[kThreadRows][kThreadWidth]) {
  for (int k = 0; k < kTileDepth; ++k) {
    float left[kThreadRows], right[kThreadWidth];
    for (int i = 0; i < kThreadRows; ++i) left[i] = weights.at[tile_row(i)][k];
    for (int j = 0; j < kThreadWidth; ++j) right[j] = values.at[k][tile_column(j)];
    for (int i = 0; i < kThreadRows; ++i)
      for (int j = 0; j < kThreadWidth; ++j) sums[i][j] += left[i] * right[j];
  }
}

/// Over the threads of a row, in a fixed tree; all of them get the result.
__device__ inline float row_sum(float value) {
  for (int offset = kRowThreads / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}
__device__ inline float row_max(float value) {
  for (int offset = kRowThreads / 2; offset > 0; offset /= 2)
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

/// Where a block stands among (outer, tile, part), the last one fastest.
struct Place {
  std::int64_t outer, tile, part;
};
__device__ inline Place place_of_block(std::int64_t tiles, std::int64_t parts) {
  const std::int64_t block = blockIdx.x;
  return {block / parts / tiles, block / parts % tiles, block % parts};
}

}  // namespace fovea::attention::kernels
