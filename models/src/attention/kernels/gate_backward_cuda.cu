// Gradients of the gate's weights and rows (attention.md 3.1): v and u are recomputed, so training memory does not grow
// with N H. Sums over rows are partial products a split, added in index order.
#include "attention/kernels/gate_tile.cuh"
#include "attention/kernels/ordered_sum.cuh"

namespace {

using namespace fovea::attention::kernels;

/// One block a (128 rows, tile of hidden units).
template <bool kGated>
__global__ void __launch_bounds__(kTileThreads)
    hidden_grad(const float* x, std::int64_t rows, GateView gate, const float* ds, std::int64_t stride, float* grad,
                float* hidden) {
  FOVEA_DYNAMIC_SHARED(float, shared);
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kTile,
                     first_hidden = static_cast<std::int64_t>(blockIdx.y) * kTileHidden<kGated>,
                     columns = (kGated ? 2 : 1) * gate.hidden;
  const int ty = static_cast<int>(threadIdx.x) / 16;
  constexpr int kUnits = kGated ? 4 : 8;
  float pre[8][8] = {};
  gate_products<kGated>(x, rows, gate, first_row, first_hidden, shared, pre);
  for (int i = 0; i < 8; ++i) {
    const std::int64_t row = first_row + tile_index(ty, i);
    for (int j = 0; j < kUnits; ++j) {
      const std::int64_t unit = first_hidden + hidden_index<kGated>(j);
      if (row >= rows || unit >= gate.hidden) continue;
      float q = 0;
      for (std::int64_t k = 0; k < gate.branches; ++k) q += ds[k * stride + row] * gate.w[k * gate.hidden + unit];
      const float v = tanhf(pre[i][j] + gate.bv[unit]);
      const float u = kGated ? 1.0f / (1.0f + expf(-(pre[i][j + 8 - kUnits] + gate.bu[unit]))) : 1.0f;
      grad[row * columns + unit] = q * u * (1.0f - v * v);
      if (kGated) grad[row * columns + gate.hidden + unit] = q * v * u * (1.0f - u);
      hidden[row * gate.hidden + unit] = v * u;
    }
  }
}

/// One block a (128 left columns, 128 right columns, split).
__global__ void __launch_bounds__(kTileThreads)
    weight_grad(const float* left, const float* right, std::int64_t rows, std::int64_t left_columns,
                std::int64_t right_columns, std::int64_t split, float* parts) {
  FOVEA_DYNAMIC_SHARED(float, shared);
  const std::int64_t c0 = static_cast<std::int64_t>(blockIdx.x) * kTile,
                     d0 = static_cast<std::int64_t>(blockIdx.y) * kTile, first = blockIdx.z * split,
                     count = min(split, rows - first);
  const auto a = [&](int i, std::int64_t k) {
    return c0 + i < left_columns && k < count ? left[(first + k) * left_columns + c0 + i] : 0.0f;
  };
  const auto b = [&](int j, std::int64_t k) {
    return d0 + j < right_columns && k < count ? right[(first + k) * right_columns + d0 + j] : 0.0f;
  };
  float sums[8][8] = {};
  tile_product<false, false>(a, b, count, shared, sums);
  for_tile(sums, [&](int i, int j, float sum) {
    const std::int64_t c = c0 + i, d = d0 + j;
    if (c < left_columns && d < right_columns) parts[(blockIdx.z * left_columns + c) * right_columns + d] = sum;
  });
}

/// One block a (128 rows, 128 columns of x).
__global__ void __launch_bounds__(kTileThreads)
    gate_row_grad(const float* grad, std::int64_t rows, GateView gate, float* dx) {
  FOVEA_DYNAMIC_SHARED(float, shared);
  const std::int64_t r0 = static_cast<std::int64_t>(blockIdx.x) * kTile,
                     d0 = static_cast<std::int64_t>(blockIdx.y) * kTile, columns = (gate.wu ? 2 : 1) * gate.hidden;
  const auto a = [&](int i, std::int64_t k) {
    return r0 + i < rows && k < columns ? grad[(r0 + i) * columns + k] : 0.0f;
  };
  const auto b = [&](int j, std::int64_t k) {
    if (d0 + j >= gate.width || k >= columns) return 0.0f;
    return k < gate.hidden ? gate.wv[k * gate.width + d0 + j] : gate.wu[(k - gate.hidden) * gate.width + d0 + j];
  };
  float sums[8][8] = {};
  tile_product<true, false>(a, b, columns, shared, sums);
  for_tile(sums, [&](int i, int j, float sum) {
    const std::int64_t row = r0 + i, d = d0 + j;
    if (row < rows && d < gate.width) dx[row * gate.width + d] += sum;
  });
}

constexpr std::size_t kSharedBytes = kTileFloats * sizeof(float);

}  // namespace

extern "C" int fovea_cuda_gate_hidden_grad(const float* x, std::int64_t rows, GateView gate, const float* ds,
                                           std::int64_t stride, float* grad, float* hidden, void* stream) {
  const std::int64_t tiles = blocks_for(gate.hidden, gate.wu ? kTileHidden<true> : kTileHidden<false>);
  return FOVEA_LAUNCH(gate.wu ? hidden_grad<true> : hidden_grad<false>, (Grid{blocks_for(rows, kTile), tiles}),
                      kTileThreads, kSharedBytes, stream, x, rows, gate, ds, stride, grad, hidden);
}

extern "C" int fovea_cuda_weight_grad(const float* left, const float* right, std::int64_t rows,
                                      std::int64_t left_columns, std::int64_t right_columns, std::int64_t split,
                                      int accumulate, float* parts, float* dw, void* stream) {
  const std::int64_t splits = blocks_for(rows, split);
  const Grid grid{blocks_for(left_columns, kTile), blocks_for(right_columns, kTile), splits};
  if (const int status = FOVEA_LAUNCH(weight_grad, grid, kTileThreads, kSharedBytes, stream, left, right, rows,
                                      left_columns, right_columns, split, parts))
    return status;
  return launch_ordered_sum(parts, splits, left_columns * right_columns, accumulate != 0, dw, stream);
}

extern "C" int fovea_cuda_gate_row_grad(const float* grad, std::int64_t rows, GateView gate, float* dx, void* stream) {
  return FOVEA_LAUNCH(gate_row_grad, (Grid{blocks_for(rows, kTile), blocks_for(gate.width, kTile)}), kTileThreads,
                      kSharedBytes, stream, grad, rows, gate, dx);
}
