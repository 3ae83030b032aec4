// Where values lie in the Hopper path: index arithmetic apart from the PTX, so that the emulated tests check it. Device
// code, C++17.
#pragma once

#include <cstdint>

#include "attention/kernels/keep.cuh"
#include "attention/kernels/pool_cuda.h"
#include "attention/kernels/pool_math.h"
#include "attention/kernels/reduce.cuh"

namespace fovea::attention::kernels {

constexpr int kHopperRows = 128, kHopperUnits = 64, kHopperColumns = 2 * kHopperUnits, kHopperDepth = 64;
constexpr int kHopperBranches = 8;       ///< sums a thread holds in registers
constexpr int kHopperAccumulators = 64;  ///< of m64n128: a thread's share

/// Row (of 64) and column (of 128) of a thread's value i in the accumulator of wgmma.m64n128; thread of 128.
__device__ inline int accumulator_row(int thread, int i) {
  return thread / 32 * 16 + thread % 32 / 4 + 8 * (i / 2 % 2);
}
__device__ inline int accumulator_column(int thread, int i) {
  return i / 4 * 8 + thread % 4 * 2 + i % 2;
}

/// Row of the packed weights that holds a hidden unit: tiles of 64 units, V's rows before U's, so that one thread's
/// accumulator has both of a unit (values i and i + 32).
__device__ inline std::int64_t packed_row(std::int64_t unit, bool sigmoid_path) {
  return unit / kHopperUnits * kHopperColumns + (sigmoid_path ? kHopperUnits : 0) + unit % kHopperUnits;
}
inline std::int64_t packed_rows(std::int64_t hidden) {
  return (hidden + kHopperUnits - 1) / kHopperUnits * kHopperColumns;
}

/// Matrix descriptor of wgmma for a tile of 128-byte lines with 128-byte swizzle, 8 lines (1024 bytes) a group.
__device__ inline std::uint64_t matrix_descriptor(std::uint32_t shared_address) {
  constexpr std::uint64_t kSwizzle128 = 1ull << 62, kGroupStride = (1024ull >> 4) << 32, kLeading = 1ull << 16;
  return kSwizzle128 | kGroupStride | kLeading | ((shared_address & 0x3ffffu) >> 4);
}

/// Adds the dots of a tile's 64 units with w to a thread's sums, for its two rows.
__device__ inline void add_accumulator_dots(const float (&pre)[kHopperAccumulators], int thread, const GateView& gate,
                                            std::int64_t first_unit, float (&sums)[2][kHopperBranches]) {
#pragma unroll
  for (int i = 0; i < kHopperAccumulators / 2; ++i) {
    const std::int64_t unit = first_unit + accumulator_column(thread, i);
    if (unit >= gate.hidden) continue;
    const float hidden = gated(pre[i] + gate.bv[unit], pre[i + kHopperAccumulators / 2] + gate.bu[unit]);
#pragma unroll
    for (int k = 0; k < kHopperBranches; ++k)
      if (k < gate.branches) sums[i / 2 % 2][k] += hidden * gate.w[k * gate.hidden + unit];
  }
}

/// The four threads of a row add their sums; the first of them writes the scores.
__device__ inline void store_accumulator_scores(const float (&sums)[2][kHopperBranches], int thread,
                                                std::int64_t first_row, std::int64_t rows, const GateView& gate,
                                                const KeepView& keep, float* scores, std::int64_t stride) {
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < kHopperBranches; ++k) {
      const float sum = warp_reduce(sums[half][k], Sum(), 4);
      const std::int64_t row = first_row + accumulator_row(thread, 2 * half);
      if (thread % 4 != 0 || k >= gate.branches || row >= rows) continue;
      scores[k * stride + row] = masked_score(gate, keep, k, row, sum);
    }
}

}  // namespace fovea::attention::kernels
