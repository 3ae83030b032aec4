// Softmax attention over a pattern of pairs, forward with a running softmax and backward by recomputing the weights
// from lse: no matrix of all pairs, no atomics. What may see what is the pattern's affair.
//
// A pattern is a struct passed by value with
//   Shared                       what a block keeps about its rows and columns, in shared memory
//   kTransposed                  rows are keys and columns queries
//   tiles(), heads()             tiles of rows in a head; rows' heads in all (host)
//   open(place, shared)          -> steps of columns; fills the rows; all threads, ends with a barrier
//   columns(step, shared)        false: nothing there; fills the columns; all threads, ends with a barrier
//   row(shared, r), column(shared, c)   token as an index into the rows of memory, or a negative number: none
//   written(shared, r)           token whose result the row is, or negative; differs from row() for holes
//   allowed(shared, r, c)        both exist and the query sees the key
#pragma once

#include "attention/kernels/attend.h"
#include "attention/kernels/reduce.cuh"
#include "attention/kernels/row_tiles.cuh"

namespace fovea::attention::kernels {

/// One factor of a product of pairs: rows' and columns' vectors of `width`.
struct PairOperands {
  const float *rows, *columns;
  std::int64_t width;
};

__device__ inline float element(const float* rows, std::int64_t token, std::int64_t width, std::int64_t at) {
  return token >= 0 && at < width ? rows[token * width + at] : 0.0f;
}

/// Room for either product of a step.
struct PairTiles {
  Tile<kTileRows> rows;
  Tile<kTilePairs> columns;
};
struct StepTiles {
  Tile<kTileRows> weights;
  ValueTile values;
};

template <class Pattern>
__device__ void pair_products(const Pattern& pattern, const typename Pattern::Shared& shared, PairOperands operands,
                              PairTiles& tiles, float (&sums)[kThreadRows][kThreadPairs]) {
  for (std::int64_t first = 0; first < operands.width; first += kRowTileDepth) {
    fill_by_columns(tiles.rows, [&](int r, int k) {
      return element(operands.rows, pattern.row(shared, r), operands.width, first + k);
    });
    fill_by_columns(tiles.columns, [&](int c, int k) {
      return element(operands.columns, pattern.column(shared, c), operands.width, first + k);
    });
    __syncthreads();
    add_dots(tiles.rows, tiles.columns, sums);
    __syncthreads();
  }
}

/// sums += weights (of all rows, already in `tiles`) times the columns' values of one part of their width. Ends without
/// a barrier: the next columns() has one before tiles are written again.
template <class Pattern>
__device__ void weigh(const Pattern& pattern, const typename Pattern::Shared& shared, const float* values,
                      std::int64_t width, std::int64_t part, StepTiles& tiles,
                      float (&sums)[kThreadRows][kThreadWidth]) {
  fill(tiles.values,
       [&](int c, int d) { return element(values, pattern.column(shared, c), width, part * kTileWidth + d); });
  __syncthreads();
  add_products(tiles.weights, tiles.values, sums);
}

/// The running softmax of one row, as each of its threads holds it.
struct RunningRow {
  float m, l;
};

/// Scores of a step become weights e^(s - m), into `into`; returns the factor for what was summed before.
__device__ inline float running_step(RunningRow& row, const float (&scores)[kThreadPairs], float* into) {
  float largest = row.m;
  for (int j = 0; j < kThreadPairs; ++j) largest = larger(largest, scores[j]);
  largest = warp_reduce(largest, Larger{}, kRowThreads);
  const float shift = largest == -INFINITY ? 0.0f : largest, factor = expf(row.m - shift);
  float sum = 0;
  for (int j = 0; j < kThreadPairs; ++j) {
    const float e = expf(scores[j] - shift);
    into[tile_column(j)] = e, sum += e;
  }
  row.l = row.l * factor + warp_reduce(sum, Sum{}, kRowThreads), row.m = largest;
  return factor;
}

template <class Pattern>
__global__ void __launch_bounds__(kRowTileThreads)
    attend_forward(Pattern pattern, Attend in, std::int64_t tiles_of_head, std::int64_t parts, float* out, float* lse) {
  __shared__ typename Pattern::Shared shared;
  __shared__ PairTiles pairs;
  __shared__ StepTiles step_tiles;
  const Place place = place_of_block(tiles_of_head, parts);
  const std::int64_t steps = pattern.open(place, shared);
  float sums[kThreadRows][kThreadWidth] = {};
  RunningRow rows[kThreadRows];
  for (int i = 0; i < kThreadRows; ++i) rows[i] = {-INFINITY, 0.0f};
  for (std::int64_t step = 0; step < steps; ++step) {
    if (!pattern.columns(step, shared)) continue;
    float scores[kThreadRows][kThreadPairs] = {};
    pair_products(pattern, shared, {in.q, in.k, in.width}, pairs, scores);
    for (int i = 0; i < kThreadRows; ++i) {
      for (int j = 0; j < kThreadPairs; ++j)
        scores[i][j] = pattern.allowed(shared, tile_row(i), tile_column(j)) ? scores[i][j] * in.scale : -INFINITY;
      const float factor = running_step(rows[i], scores[i], step_tiles.weights.at[tile_row(i)]);
      for (int j = 0; j < kThreadWidth; ++j) sums[i][j] *= factor;
    }
    weigh(pattern, shared, in.v, in.value_width, place.part, step_tiles, sums);
  }
  for (int i = 0; i < kThreadRows; ++i) {
    const std::int64_t token = pattern.written(shared, tile_row(i));
    if (token < 0) continue;
    const bool empty = rows[i].l == 0;
    for (int j = 0; j < kThreadWidth; ++j) {
      const std::int64_t column = place.part * kTileWidth + tile_column(j);
      if (column < in.value_width) out[token * in.value_width + column] = empty ? 0.0f : sums[i][j] / rows[i].l;
    }
    if (place.part == 0 && tile_column(0) == 0) lse[token] = empty ? -INFINITY : rows[i].m + logf(rows[i].l);
  }
}

/// delta_i = grad_out_i . out_i - grad_lse_i: what the softmax takes from every gradient of a weight. A warp a query.
__global__ static void attend_delta(AttendGradients gradients, std::int64_t queries, std::int64_t width) {
  const std::int64_t query = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kWarp;
  if (query >= queries) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float sum = 0;
  for (std::int64_t d = lane; d < width; d += kWarp)
    sum += gradients.grad_out[query * width + d] * gradients.out[query * width + d];
  sum = warp_reduce(sum, Sum{});
  if (lane == 0) gradients.delta[query] = sum - (gradients.grad_lse ? gradients.grad_lse[query] : 0.0f);
}

/// One gradient: rows of it are sums over columns of a weight times `values`; the weight is the gradient of the score,
/// or the attention weight itself (dv).
struct AttendBackward {
  PairOperands scores, upstream;
  const float *lse, *delta, *values;
  std::int64_t width;
  float scale, factor;
  bool of_scores;
  float* into;
};

template <class Pattern>
__device__ float backward_weight(const Pattern& pattern, const typename Pattern::Shared& shared,
                                 const AttendBackward& in, int r, int c, float score, float upstream) {
  if (!pattern.allowed(shared, r, c)) return 0.0f;
  const std::int64_t query = Pattern::kTransposed ? pattern.column(shared, c) : pattern.row(shared, r);
  const float lse = in.lse[query];
  const float weight = lse == -INFINITY ? 0.0f : expf(score * in.scale - lse);
  return in.of_scores ? weight * (upstream - in.delta[query]) * in.factor : weight;
}

template <class Pattern>
__global__ void __launch_bounds__(kRowTileThreads)
    attend_backward(Pattern pattern, AttendBackward in, std::int64_t tiles_of_head, std::int64_t parts) {
  __shared__ typename Pattern::Shared shared;
  __shared__ PairTiles pairs;
  __shared__ StepTiles step_tiles;
  const Place place = place_of_block(tiles_of_head, parts);
  const std::int64_t steps = pattern.open(place, shared);
  float sums[kThreadRows][kThreadWidth] = {};
  for (std::int64_t step = 0; step < steps; ++step) {
    if (!pattern.columns(step, shared)) continue;
    float scores[kThreadRows][kThreadPairs] = {}, upstream[kThreadRows][kThreadPairs] = {};
    pair_products(pattern, shared, in.scores, pairs, scores);
    if (in.of_scores) pair_products(pattern, shared, in.upstream, pairs, upstream);
    for (int i = 0; i < kThreadRows; ++i)
      for (int j = 0; j < kThreadPairs; ++j)
        step_tiles.weights.at[tile_row(i)][tile_column(j)] =
            backward_weight(pattern, shared, in, tile_row(i), tile_column(j), scores[i][j], upstream[i][j]);
    weigh(pattern, shared, in.values, in.width, place.part, step_tiles, sums);
  }
  for (int i = 0; i < kThreadRows; ++i) {
    const std::int64_t token = pattern.written(shared, tile_row(i));
    for (int j = 0; token >= 0 && j < kThreadWidth; ++j) {
      const std::int64_t column = place.part * kTileWidth + tile_column(j);
      if (column < in.width) in.into[token * in.width + column] = sums[i][j];
    }
  }
}

}  // namespace fovea::attention::kernels
