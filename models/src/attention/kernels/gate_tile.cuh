// Pre-activations of a tile of rows against a tile of hidden units: the part that the gate's forward and backward
// share. Device code, C++17.
#pragma once

#include "attention/kernels/pool_cuda.h"
#include "attention/kernels/pool_math.h"
#include "attention/kernels/tile_product.cuh"

namespace fovea::attention::kernels {

/// Hidden units of a tile: gated, its columns are 64 of V and the same 64 of U.
template <bool kGated>
constexpr int kTileHidden = kGated ? kTile / 2 : kTile;

/// Hidden unit that a thread's value j belongs to; gated, j and j + 4 are V and U of one unit.
template <bool kGated>
__device__ int hidden_index(int j) {
  const int tx = static_cast<int>(threadIdx.x) % 16;
  return kGated ? 4 * tx + j % 4 : tile_index(tx, j);
}

/// Pre-activations without bias of rows [first_row, +128) and hidden units [first_hidden, +kTileHidden).
template <bool kGated>
__device__ void gate_products(const float* x, std::int64_t rows, const GateView& gate, std::int64_t first_row,
                              std::int64_t first_hidden, float* shared, float (&accumulators)[8][8]) {
  const std::int64_t width = gate.width;
  const auto row_value = [&](int i, std::int64_t k) {
    const std::int64_t row = first_row + i;
    return row < rows && k < width ? x[row * width + k] : 0.0f;
  };
  const auto weight_value = [&](int column, std::int64_t k) {
    const bool sigmoid_path = kGated && column >= kTile / 2;
    const std::int64_t unit = first_hidden + (sigmoid_path ? column - kTile / 2 : column);
    return unit < gate.hidden && k < width ? (sigmoid_path ? gate.wu : gate.wv)[unit * width + k] : 0.0f;
  };
  tile_product<true, true>(row_value, weight_value, width, shared, accumulators);
}

}  // namespace fovea::attention::kernels
