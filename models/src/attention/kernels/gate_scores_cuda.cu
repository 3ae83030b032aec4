// Gate scores, fused and exact: rows times both gate weights, activation, product and the dots with w without leaving
// the block. Portable from sm_75.
#include "attention/kernels/gate_tile.cuh"
#include "attention/kernels/keep.cuh"
#include "attention/kernels/launch.h"
#include "attention/kernels/reduce.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kBranchesAtOnce = 32;  // their sums lie in shared memory; more branches repeat the product

/// Adds the dots of a tile's hidden units with w to sums [branch][kTile]; each entry has one owner.
template <bool kGated>
__device__ void add_dots(const float (&pre)[8][8], const GateView& gate, std::int64_t first_hidden,
                         std::int64_t first_branch, int branches, float* sums) {
  constexpr int kUnits = kGated ? 4 : 8;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  float hidden[8][kUnits];
  for (int j = 0; j < kUnits; ++j) {
    const std::int64_t unit = first_hidden + hidden_index<kGated>(j);
    const bool inside = unit < gate.hidden;
    const float bv = inside ? gate.bv[unit] : 0.0f, bu = inside && kGated ? gate.bu[unit] : 0.0f;
    for (int i = 0; i < 8; ++i)
      hidden[i][j] = !inside  ? 0.0f
                     : kGated ? gated(pre[i][j] + bv, pre[i][j + 8 - kUnits] + bu)
                              : tanhf(pre[i][j] + bv);
  }
  for (int k = 0; k < branches; ++k) {
    float w[kUnits];
    for (int j = 0; j < kUnits; ++j) {
      const std::int64_t unit = first_hidden + hidden_index<kGated>(j);
      w[j] = unit < gate.hidden ? gate.w[(first_branch + k) * gate.hidden + unit] : 0.0f;
    }
    for (int i = 0; i < 8; ++i) {
      float dot = 0;
      for (int j = 0; j < kUnits; ++j) dot += hidden[i][j] * w[j];
      dot = warp_reduce(dot, Sum(), 16);
      if (tx == 0) sums[k * kTile + tile_index(ty, i)] += dot;
    }
  }
}

template <bool kGated>
__global__ void __launch_bounds__(kTileThreads)
    gate_scores(const float* x, std::int64_t rows, GateView gate, KeepView keep, std::int64_t first_branch,
                int branches, float* scores, std::int64_t stride) {
  FOVEA_DYNAMIC_SHARED(float, shared);
  float* const sums = shared + kTileFloats;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kTile;
  const int entries = branches * kTile;
  for (int i = static_cast<int>(threadIdx.x); i < entries; i += kTileThreads) sums[i] = 0;
  for (std::int64_t first_hidden = 0; first_hidden < gate.hidden; first_hidden += kTileHidden<kGated>) {
    float pre[8][8] = {};
    gate_products<kGated>(x, rows, gate, first_row, first_hidden, shared, pre);
    add_dots<kGated>(pre, gate, first_hidden, first_branch, branches, sums);
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < entries; i += kTileThreads) {
    const std::int64_t row = first_row + i % kTile, k = first_branch + i / kTile;
    if (row >= rows) continue;
    scores[k * stride + row] = masked_score(gate, keep, k, row, sums[i]);
  }
}

}  // namespace

extern "C" int fovea_cuda_gate_scores(const float* x, std::int64_t rows, GateView gate, KeepView keep, float* scores,
                                      std::int64_t stride, void* stream) {
  for (std::int64_t first = 0; first < gate.branches; first += kBranchesAtOnce) {
    const int count = static_cast<int>(min(gate.branches - first, std::int64_t{kBranchesAtOnce}));
    const std::size_t shared = sizeof(float) * static_cast<std::size_t>(kTileFloats + count * kTile);
    const int status = FOVEA_LAUNCH(gate.wu ? gate_scores<true> : gate_scores<false>, Grid{blocks_for(rows, kTile)},
                                    kTileThreads, shared, stream, x, rows, gate, keep, first, count, scores, stride);
    if (status != 0) return status;
  }
  return 0;
}
