// Gate scores on tensor cores, fused: TF32 or bf16 products, float32 sums. For sm_80 on; asked for by name, never the
// default.
#include <mma.h>

#include "attention/kernels/keep.cuh"
#include "attention/kernels/launch.h"
#include "attention/kernels/pool_cuda.h"
#include "attention/kernels/pool_math.h"
#include "attention/kernels/reduce.cuh"
#include "attention/kernels/row_value.cuh"

namespace {

using namespace fovea::attention::kernels;
namespace wmma = nvcuda::wmma;

constexpr int kRows = 128, kColumns = 64, kThreads = 256, kStagePitch = kColumns + 4, kBranchesAtOnce = 32;
constexpr int kStageFloats = kRows * kStagePitch;
constexpr std::size_t kSlabBytes = (kRows + kColumns) * 96;  ///< of the wider mode

// Below sm_80 the modes are names alone: host code picks kernels by them, and the kernels are empty.
struct Tf32;
struct Bfloat16;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
/// Fragments start at multiples of 32 bytes: a pitch of 24 floats or 40 bf16.
struct Tf32 {
  using Stored = float;
  using Element = wmma::precision::tf32;
  static constexpr int kDepth = 8, kSlab = 16, kPitch = 24;
  __device__ static float rounded(float value) { return wmma::__float_to_tf32(value); }
};
struct Bfloat16 {
  using Stored = __nv_bfloat16;
  using Element = __nv_bfloat16;
  static constexpr int kDepth = 16, kSlab = 32, kPitch = 40;
  __device__ static __nv_bfloat16 rounded(float value) { return __float2bfloat16(value); }
};
#endif

template <bool kGated>
constexpr int kUnits = kGated ? kColumns / 2 : kColumns;  ///< hidden units of a tile; gated, V and U side by side

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
/// Products of 128 rows with the tile's 64 weight rows, left in stage [row][column]. Warps lie 4 x 2, 32 x 32 each.
template <class Mode, bool kGated, class Row>
__device__ void tile_products(const Row* x, std::int64_t rows, const GateView& gate, std::int64_t first_row,
                              std::int64_t first_unit, typename Mode::Stored* slab, float* stage) {
  using Left = wmma::fragment<wmma::matrix_a, 16, 16, Mode::kDepth, typename Mode::Element, wmma::row_major>;
  using Right = wmma::fragment<wmma::matrix_b, 16, 16, Mode::kDepth, typename Mode::Element, wmma::col_major>;
  wmma::fragment<wmma::accumulator, 16, 16, Mode::kDepth, float> sums[2][2];
  for (auto& line : sums)
    for (auto& sum : line) wmma::fill_fragment(sum, 0.0f);
  const int warp = static_cast<int>(threadIdx.x) / kWarp, warp_row = warp / 2 * 32, warp_column = warp % 2 * 32;
  typename Mode::Stored* const weights = slab + kRows * Mode::kPitch;
  for (std::int64_t k0 = 0; k0 < gate.width; k0 += Mode::kSlab) {
    for (int i = static_cast<int>(threadIdx.x); i < (kRows + kColumns) * Mode::kSlab; i += kThreads) {
      const int line = i / Mode::kSlab, column = line - kRows;
      const std::int64_t k = k0 + i % Mode::kSlab, row = first_row + line;
      float value = 0;
      if (line < kRows) {
        if (row < rows && k < gate.width) value = as_float(x[row * gate.width + k]);
      } else {
        const std::int64_t unit = first_unit + column % kUnits<kGated>;
        if (unit < gate.hidden && k < gate.width)
          value = (column >= kUnits<kGated> ? gate.wu : gate.wv)[unit * gate.width + k];
      }
      slab[line * Mode::kPitch + i % Mode::kSlab] = Mode::rounded(value);
    }
    __syncthreads();
    for (int k = 0; k < Mode::kSlab; k += Mode::kDepth) {
      Left left[2];
      Right right[2];
      for (int i = 0; i < 2; ++i) {
        wmma::load_matrix_sync(left[i], slab + (warp_row + 16 * i) * Mode::kPitch + k, Mode::kPitch);
        wmma::load_matrix_sync(right[i], weights + (warp_column + 16 * i) * Mode::kPitch + k, Mode::kPitch);
      }
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) wmma::mma_sync(sums[i][j], left[i], right[j], sums[i][j]);
    }
    __syncthreads();
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j)
      wmma::store_matrix_sync(stage + (warp_row + 16 * i) * kStagePitch + warp_column + 16 * j, sums[i][j], kStagePitch,
                              wmma::mem_row_major);
  __syncthreads();
}

/// Two threads a row: each activates half of the tile's units and adds their dots with w.
template <bool kGated>
__device__ void add_dots(const float* stage, const GateView& gate, std::int64_t first_unit, std::int64_t first_branch,
                         int branches, float* sums) {
  constexpr int kOwn = kUnits<kGated> / 2;
  const int row = static_cast<int>(threadIdx.x) / 2, half = static_cast<int>(threadIdx.x) % 2;
  float hidden[kOwn];
  for (int i = 0; i < kOwn; ++i) {
    const int column = half * kOwn + i;
    const std::int64_t unit = first_unit + column;
    const float* const pre = stage + row * kStagePitch + column;
    hidden[i] = unit >= gate.hidden ? 0.0f
                : kGated            ? gated(pre[0] + gate.bv[unit], pre[kUnits<kGated> % kColumns] + gate.bu[unit])
                                    : tanhf(pre[0] + gate.bv[unit]);
  }
  for (int k = 0; k < branches; ++k) {
    const float* const w = gate.w + (first_branch + k) * gate.hidden;
    float dot = 0;
    for (int i = 0; i < kOwn; ++i) {
      const std::int64_t unit = first_unit + half * kOwn + i;
      if (unit < gate.hidden) dot += hidden[i] * w[unit];
    }
    dot = warp_reduce(dot, Sum(), 2);
    if (half == 0) sums[k * kRows + row] += dot;
  }
}
#endif

template <class Mode, bool kGated, class Row>
__global__ void __launch_bounds__(kThreads)
    gate_scores_mma(const Row* x, std::int64_t rows, GateView gate, KeepView keep, std::int64_t first_branch,
                    int branches, float* scores, std::int64_t stride) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  FOVEA_DYNAMIC_SHARED(float, stage);
  float* const sums = stage + kStageFloats;
  auto* const slab = reinterpret_cast<typename Mode::Stored*>(sums + kBranchesAtOnce * kRows);
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kRows;
  for (int i = static_cast<int>(threadIdx.x); i < branches * kRows; i += kThreads) sums[i] = 0;
  for (std::int64_t unit = 0; unit < gate.hidden; unit += kUnits<kGated>) {
    tile_products<Mode, kGated>(x, rows, gate, first_row, unit, slab, stage);
    add_dots<kGated>(stage, gate, unit, first_branch, branches, sums);
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < branches * kRows; i += kThreads) {
    const std::int64_t row = first_row + i % kRows, k = first_branch + i / kRows;
    if (row >= rows) continue;
    scores[k * stride + row] = masked_score(gate, keep, k, row, sums[i]);
  }
#endif
}

template <class Mode, class Row>
int launch_mma(const void* x, std::int64_t rows, const GateView& gate, const KeepView& keep, float* scores,
               std::int64_t stride, void* stream) {
  constexpr std::size_t kShared = sizeof(float) * (kStageFloats + kBranchesAtOnce * kRows) + kSlabBytes;
  for (std::int64_t first = 0; first < gate.branches; first += kBranchesAtOnce) {
    const int count = static_cast<int>(min(gate.branches - first, std::int64_t{kBranchesAtOnce}));
    const int status = FOVEA_LAUNCH((gate.wu ? gate_scores_mma<Mode, true, Row> : gate_scores_mma<Mode, false, Row>),
                                    Grid{blocks_for(rows, kRows)}, kThreads, kShared, stream,
                                    static_cast<const Row*>(x), rows, gate, keep, first, count, scores, stride);
    if (status != 0) return status;
  }
  return 0;
}

}  // namespace

extern "C" int fovea_cuda_gate_scores_mma(const void* x, int row_type, int precision, std::int64_t rows, GateView gate,
                                          KeepView keep, float* scores, std::int64_t stride, void* stream) {
  int capability = 0;
  if (const int status = fovea_cuda_compute_capability(&capability)) return status;
  if (capability < 80) return cudaErrorNotSupported;
  if (precision == kBfloat16Gate)
    return row_type == kBfloat16Rows ? launch_mma<Bfloat16, __nv_bfloat16>(x, rows, gate, keep, scores, stride, stream)
                                     : launch_mma<Bfloat16, float>(x, rows, gate, keep, scores, stride, stream);
  if (precision == kTf32Gate && row_type == kFloat32Rows)
    return launch_mma<Tf32, float>(x, rows, gate, keep, scores, stride, stream);
  return cudaErrorInvalidValue;
}
