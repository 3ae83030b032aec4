// Gradients of pooling with given scores (attention.md 3.1). A weight of 0 passes no gradient, so masked entries and
// branches without a key give zeros, never NaN.
#include "attention/kernels/keep.cuh"
#include "attention/kernels/launch.h"
#include "attention/kernels/reduce.cuh"
#include "attention/kernels/weights.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 256, kRowsAtOnce = kThreads / kWarp, kBranches = 8;

struct ScoreGradients {
  const float *gz, *rho, *ge, *gl, *gg, *gs;
};

/// gz_k . x_row of 8 branches; lane k of the warp gets that of branch first + k.
__device__ float value_dots(const float* row, const float* gz, std::int64_t first, std::int64_t branches,
                            std::int64_t width) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float dots[kBranches] = {};
  for (std::int64_t d = lane; d < width; d += kWarp) {
    const float value = row[d];
#pragma unroll
    for (int k = 0; k < kBranches; ++k)
      if (first + k < branches) dots[k] += gz[(first + k) * width + d] * value;
  }
  float own = 0;
#pragma unroll
  for (int k = 0; k < kBranches; ++k) {
    if (first + k >= branches) continue;
    const float dot = warp_reduce(dots[k], Sum());
    if (lane == k) own = dot;
  }
  return own;
}

/// d/da_k of the Gram's share: sum_j (gg_kj + gg_jk) a_j.
__device__ float gram_term(const SoftmaxWeights& weight, const float* gg, std::int64_t k, std::int64_t branches,
                           std::int64_t row) {
  float sum = 0;
  for (std::int64_t j = 0; j < branches; ++j) sum += (gg[k * branches + j] + gg[j * branches + k]) * weight(j, row);
  return sum;
}

/// One warp a row; lane k finishes branch k of a group of 8.
__global__ void score_grad(SoftmaxWeights weight, const float* x, ScoreGradients g, KeepView keep,
                           std::int64_t branches, std::int64_t rows, std::int64_t width, float* ds) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsAtOnce + threadIdx.x / kWarp;
  if (row >= rows) return;
  for (std::int64_t first = 0; first < branches; first += kBranches) {
    float da = value_dots(x + row * width, g.gz, first, branches, width);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const std::int64_t k = first + lane;
    if (lane >= kBranches || k >= branches) continue;
    const float a = weight(k, row);
    float gradient = 0;
    if (a != 0) {
      if (g.gg) da += gram_term(weight, g.gg, k, branches, row);
      const ShiftedState total = weight.totals[k];
      gradient = a * (da - g.rho[k]);
      // ln a + H = s - m - t / l
      if (g.ge) gradient -= g.ge[k] * a * (weight.scores[k * rows + row] - total.m - total.t / total.l);
      if (g.gl) gradient += g.gl[k] * a;
    }
    if (g.gs) gradient += g.gs[k * rows + row];
    ds[k * rows + row] = is_kept(keep, k, row) ? gradient : 0.0f;
  }
}

__global__ void pool_rho(const float* gz, const float* z, const float* gg, const float* gram, std::int64_t branches,
                         std::int64_t width, float* rho) {
  __shared__ float shared[kThreads / kWarp];
  const std::int64_t k = blockIdx.x;
  float sum = 0;
  for (std::int64_t d = threadIdx.x; d < width; d += kThreads) sum += gz[k * width + d] * z[k * width + d];
  if (gg)
    for (std::int64_t j = threadIdx.x; j < branches; j += kThreads)
      sum += (gg[k * branches + j] + gg[j * branches + k]) * gram[k * branches + j];
  sum = block_reduce(sum, Sum(), shared);
  if (threadIdx.x == 0) rho[k] = sum;
}

/// One warp a row.
__global__ void row_grad(SoftmaxWeights weight, const float* gz, std::int64_t branches, std::int64_t rows,
                         std::int64_t width, float* dx) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsAtOnce + threadIdx.x / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (row >= rows) return;
  for (std::int64_t first = 0; first < branches; first += kBranches) {
    const float own = lane < kBranches && first + lane < branches ? weight(first + lane, row) : 0.0f;
    float a[kBranches];
    for (int k = 0; k < kBranches; ++k) a[k] = __shfl_sync(kAllLanes, own, k);
    for (std::int64_t d = lane; d < width; d += kWarp) {
      float sum = first == 0 ? 0.0f : dx[row * width + d];
#pragma unroll
      for (int k = 0; k < kBranches; ++k)
        if (first + k < branches && a[k] != 0) sum += a[k] * gz[(first + k) * width + d];
      dx[row * width + d] = sum;
    }
  }
}

}  // namespace

extern "C" int fovea_cuda_pool_score_grad(const float* scores, const ShiftedState* totals, const float* x,
                                          const float* gz, const float* rho, const float* ge, const float* gl,
                                          const float* gg, const float* gs, KeepView keep, std::int64_t branches,
                                          std::int64_t rows, std::int64_t width, float* ds, void* stream) {
  return FOVEA_LAUNCH(score_grad, Grid{blocks_for(rows, kRowsAtOnce)}, kThreads, 0, stream,
                      (SoftmaxWeights{scores, totals, rows}), x, (ScoreGradients{gz, rho, ge, gl, gg, gs}), keep,
                      branches, rows, width, ds);
}

extern "C" int fovea_cuda_pool_rho(const float* gz, const float* z, const float* gg, const float* gram,
                                   std::int64_t branches, std::int64_t width, float* rho, void* stream) {
  return FOVEA_LAUNCH(pool_rho, Grid{branches}, kThreads, 0, stream, gz, z, gg, gram, branches, width, rho);
}

extern "C" int fovea_cuda_pool_row_grad(const float* scores, const ShiftedState* totals, const float* gz,
                                        std::int64_t branches, std::int64_t rows, std::int64_t width, float* dx,
                                        void* stream) {
  return FOVEA_LAUNCH(row_grad, Grid{blocks_for(rows, kRowsAtOnce)}, kThreads, 0, stream,
                      (SoftmaxWeights{scores, totals, rows}), gz, branches, rows, width, dx);
}
