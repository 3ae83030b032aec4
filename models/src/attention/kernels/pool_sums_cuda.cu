// Weighted sums of rows: partial sums a split, then their sum in index order.
#include "attention/kernels/ordered_sum.cuh"
#include "attention/kernels/reduce.cuh"
#include "attention/kernels/row_value.cuh"
#include "attention/kernels/weights.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kColumns = 64, kGroups = 4, kThreads = kColumns * kGroups, kBranches = 8, kRowsAtOnce = 256;

/// One block a (split, 64 columns), 8 branches at once, so that a value of x is read once for them. Group g of threads
/// sums the rows g, g + 4, ...; the groups are added in order.
template <class Row, class Weights>
__global__ void __launch_bounds__(kThreads)
    split_sums(Weights weight, const Row* x, std::int64_t branches, std::int64_t rows, std::int64_t width,
               std::int64_t split, float* parts) {
  __shared__ float weights[kBranches][kRowsAtOnce];
  __shared__ float groups[kGroups][kBranches][kColumns];
  const int column = static_cast<int>(threadIdx.x) % kColumns, group = static_cast<int>(threadIdx.x) / kColumns;
  const std::int64_t d = static_cast<std::int64_t>(blockIdx.y) * kColumns + column;
  const std::int64_t first = blockIdx.x * split, last = min(first + split, rows);
  for (std::int64_t k0 = 0; k0 < branches; k0 += kBranches) {
    float sums[kBranches] = {};
    for (std::int64_t at = first; at < last; at += kRowsAtOnce) {
      const int count = static_cast<int>(min(last - at, std::int64_t{kRowsAtOnce}));
      __syncthreads();
      for (int i = static_cast<int>(threadIdx.x); i < kBranches * kRowsAtOnce; i += kThreads) {
        const int k = i / kRowsAtOnce, row = i % kRowsAtOnce;
        weights[k][row] = k0 + k < branches && row < count ? weight(k0 + k, at + row) : 0.0f;
      }
      __syncthreads();
      if (d < width) {
#pragma unroll 4
        for (int row = group; row < count; row += kGroups) {
          const float value = as_float(x[(at + row) * width + d]);
#pragma unroll
          for (int k = 0; k < kBranches; ++k) sums[k] += weights[k][row] * value;
        }
      }
    }
    for (int k = 0; k < kBranches; ++k) groups[group][k][column] = sums[k];
    __syncthreads();
    for (int k = group; k < kBranches && k0 + k < branches; k += kGroups) {
      float sum = groups[0][k][column];
      for (int g = 1; g < kGroups; ++g) sum += groups[g][k][column];
      if (d < width) parts[(blockIdx.x * branches + k0 + k) * width + d] = sum;
    }
  }
}

template <class Row, class Weights>
int launch_sums(const Weights& weights, const void* x, std::int64_t branches, std::int64_t rows, std::int64_t width,
                std::int64_t split, bool accumulate, float* parts, float* sums, void* stream) {
  const std::int64_t splits = blocks_for(rows, split);
  if (const int status =
          FOVEA_LAUNCH((split_sums<Row, Weights>), (Grid{splits, blocks_for(width, kColumns)}), kThreads, 0, stream,
                       weights, static_cast<const Row*>(x), branches, rows, width, split, parts))
    return status;
  return launch_ordered_sum(parts, splits, branches * width, accumulate, sums, stream);
}

/// One block a (split, branch i); a warp takes every eighth branch j.
__global__ void split_gram(SoftmaxWeights weight, std::int64_t branches, std::int64_t rows, std::int64_t split,
                           float* parts) {
  const std::int64_t i = blockIdx.y, first = blockIdx.x * split, last = min(first + split, rows);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  for (std::int64_t j = warp; j < branches; j += kThreads / kWarp) {
    float sum = 0;
    for (std::int64_t row = first + lane; row < last; row += kWarp) sum += weight(i, row) * weight(j, row);
    sum = warp_reduce(sum, Sum());
    if (lane == 0) parts[(blockIdx.x * branches + i) * branches + j] = sum;
  }
}

}  // namespace

extern "C" int fovea_cuda_pool_sums(const float* scores, const ShiftedState* totals, const void* x, int row_type,
                                    std::int64_t branches, std::int64_t rows, std::int64_t width, std::int64_t split,
                                    float* parts, float* z, void* stream) {
  const SoftmaxWeights weights{scores, totals, rows};
  return row_type == kBfloat16Rows
             ? launch_sums<__nv_bfloat16>(weights, x, branches, rows, width, split, false, parts, z, stream)
             : launch_sums<float>(weights, x, branches, rows, width, split, false, parts, z, stream);
}

extern "C" int fovea_cuda_weighted_sums(const float* weights, std::int64_t stride, const float* matrix,
                                        std::int64_t branches, std::int64_t rows, std::int64_t columns,
                                        std::int64_t split, int accumulate, float* parts, float* sums, void* stream) {
  return launch_sums<float>(GivenWeights{weights, stride}, matrix, branches, rows, columns, split, accumulate != 0,
                            parts, sums, stream);
}

extern "C" int fovea_cuda_pool_gram(const float* scores, const ShiftedState* totals, std::int64_t branches,
                                    std::int64_t rows, std::int64_t split, float* parts, float* gram, void* stream) {
  const std::int64_t splits = blocks_for(rows, split);
  if (const int status = FOVEA_LAUNCH(split_gram, (Grid{splits, branches}), kThreads, 0, stream,
                                      (SoftmaxWeights{scores, totals, rows}), branches, rows, split, parts))
    return status;
  return launch_ordered_sum(parts, splits, branches * branches, false, gram, stream);
}
