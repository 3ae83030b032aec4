// Decayed linear attention on CUDA: pairs inside a tile, and the running state between tiles. The products with the
// states are those of linear attention. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/linear.h"

#include "attention/kernels/row_tiles.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 256;

__device__ float of_tile(const float* rows, std::int64_t row, std::int64_t count, std::int64_t at, std::int64_t width) {
  return row < count && at < width ? rows[row * width + at] : 0.0f;
}

/// e^(-slope |i - j|), or 0 for a pair that does not count.
__device__ float decay(const DecayedTiles& in, float slope, std::int64_t i, std::int64_t j) {
  if ((j < i && !in.earlier) || (j > i && !in.later)) return 0.0f;
  return expf(-slope * static_cast<float>(j < i ? i - j : j - i));
}

__global__ void __launch_bounds__(kRowTileThreads) decayed_tiles(DecayedTiles in, float* out) {
  __shared__ Tile<kTileRows> queries, weights;
  __shared__ Tile<kTilePairs> keys;
  __shared__ ValueTile values;
  const Place place = place_of_block(blocks_for(in.count, kTileRows), blocks_for(in.value_width, kTileWidth));
  const std::int64_t first_row = place.tile * kTileRows, first_column = place.part * kTileWidth;
  const std::int64_t of_head = place.outer * in.count;
  const float slope = in.slopes[place.outer % in.heads_of_slopes];
  const float *q = in.q + of_head * in.width, *k = in.k + of_head * in.width, *v = in.v + of_head * in.value_width;
  float sums[kThreadRows][kThreadWidth] = {};
  for (std::int64_t first = first_row; first < first_row + kTileRows && first < in.count; first += kTilePairs) {
    float products[kThreadRows][kThreadPairs] = {};
    for (std::int64_t at = 0; at < in.width; at += kRowTileDepth) {
      fill_by_columns(queries, [&](int r, int d) { return of_tile(q, first_row + r, in.count, at + d, in.width); });
      fill_by_columns(keys, [&](int c, int d) { return of_tile(k, first + c, in.count, at + d, in.width); });
      __syncthreads();
      add_dots(queries, keys, products);
      __syncthreads();
    }
    for (int i = 0; i < kThreadRows; ++i)
      for (int j = 0; j < kThreadPairs; ++j)
        weights.at[tile_row(i)][tile_column(j)] =
            products[i][j] * decay(in, slope, first_row + tile_row(i), first + tile_column(j));
    fill(values, [&](int c, int d) { return of_tile(v, first + c, in.count, first_column + d, in.value_width); });
    __syncthreads();
    add_products(weights, values, sums);
    __syncthreads();
  }
  for (int i = 0; i < kThreadRows; ++i)
    for (int j = 0; j < kThreadWidth; ++j) {
      const std::int64_t row = first_row + tile_row(i), column = first_column + tile_column(j);
      if (row < in.count && column < in.value_width) out[(of_head + row) * in.value_width + column] = sums[i][j];
    }
}

/// A thread an entry of the state.
__global__ void decayed_scan(float* states, const float* slopes, std::int64_t heads, std::int64_t heads_of_slopes,
                             std::int64_t tiles, std::int64_t size, bool reverse) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= heads * size) return;
  const std::int64_t head = index / size;
  const double fade = exp(-static_cast<double>(slopes[head % heads_of_slopes]) * kMatrixTile);
  float* of_head = states + head * tiles * size + index % size;
  double sum = 0;
  for (std::int64_t i = 0; i < tiles; ++i) {
    float& state = of_head[(reverse ? tiles - 1 - i : i) * size];
    const float own = state;
    state = static_cast<float>(sum);
    sum = sum * fade + own;
  }
}

}  // namespace

extern "C" int fovea_cuda_decayed_tiles(const DecayedTiles* in, float* out, void* stream) {
  const std::int64_t blocks = in->heads * blocks_for(in->count, kTileRows) * blocks_for(in->value_width, kTileWidth);
  return FOVEA_LAUNCH(decayed_tiles, Grid{blocks}, kRowTileThreads, 0, stream, *in, out);
}

extern "C" int fovea_cuda_decayed_scan(float* states, const float* slopes, std::int64_t heads,
                                       std::int64_t heads_of_slopes, std::int64_t tiles, std::int64_t size, int reverse,
                                       void* stream) {
  return FOVEA_LAUNCH(decayed_scan, Grid{blocks_for(heads * size, kThreads)}, kThreads, 0, stream, states, slopes,
                      heads, heads_of_slopes, tiles, size, reverse != 0);
}
