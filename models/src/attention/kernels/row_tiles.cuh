// Tiles of 64 rows in shared memory and their float32 products, the inner loop of all kernels but pooling
// (tile_product.cuh has larger tiles). 128 threads: eight share a row, a thread has four. Sums run in index order, so
// bits do not depend on anything but the sizes.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "attention/kernels/launch.h"

namespace fovea::attention::kernels {

constexpr int kRowTileThreads = 128;
constexpr int kTileRows = 64;      // rows of a tile of results
constexpr int kRowTileDepth = 32;  // summed over at once
constexpr int kTileWidth = 64;     // columns of sums of values
constexpr int kTilePairs = 32;     // columns of dot products
constexpr int kRowThreads = 8;     // threads that share a row, neighbours in a warp
constexpr int kThreadRows = kTileRows * kRowThreads / kRowTileThreads;
constexpr int kThreadPairs = kTilePairs / kRowThreads;
constexpr int kThreadWidth = kTileWidth / kRowThreads;

__device__ inline int tile_row(int i) {
  return static_cast<int>(threadIdx.x) / kRowThreads + i * (kRowTileThreads / kRowThreads);
}
__device__ inline int tile_column(int j) {
  return static_cast<int>(threadIdx.x) % kRowThreads + j * kRowThreads;
}

/// The odd stride keeps threads of a warp on different banks, by row and by column.
template <int kRows>
struct Tile {
  float at[kRows][kRowTileDepth + 1];
};
/// Rows of values to be summed.
struct ValueTile {
  float at[kRowTileDepth][kTileWidth];
};

/// tile[r][c] = load(r, c); neighbouring threads take neighbouring columns.
template <int kRows, class Load>
__device__ void fill_by_columns(Tile<kRows>& tile, Load load) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kRowTileDepth; i += kRowTileThreads)
    tile.at[i / kRowTileDepth][i % kRowTileDepth] = load(i / kRowTileDepth, i % kRowTileDepth);
}
/// The same where memory runs along the rows.
template <int kRows, class Load>
__device__ void fill_by_rows(Tile<kRows>& tile, Load load) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kRowTileDepth; i += kRowTileThreads)
    tile.at[i % kRows][i / kRows] = load(i % kRows, i / kRows);
}
template <class Load>
__device__ void fill(ValueTile& tile, Load load) {
  for (int i = static_cast<int>(threadIdx.x); i < kRowTileDepth * kTileWidth; i += kRowTileThreads)
    tile.at[i / kTileWidth][i % kTileWidth] = load(i / kTileWidth, i % kTileWidth);
}

/// sums[i][j] += a[row i] . b[column j]
__device__ inline void add_dots(const Tile<kTileRows>& a, const Tile<kTilePairs>& b,
                                float (&sums)[kThreadRows][kThreadPairs]) {
  for (int k = 0; k < kRowTileDepth; ++k) {
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
  for (int k = 0; k < kRowTileDepth; ++k) {
    float left[kThreadRows], right[kThreadWidth];
    for (int i = 0; i < kThreadRows; ++i) left[i] = weights.at[tile_row(i)][k];
    for (int j = 0; j < kThreadWidth; ++j) right[j] = values.at[k][tile_column(j)];
    for (int i = 0; i < kThreadRows; ++i)
      for (int j = 0; j < kThreadWidth; ++j) sums[i][j] += left[i] * right[j];
  }
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
