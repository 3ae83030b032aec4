// Gated pooling on CUDA, portable from sm_75: activation and score dot fused, softmax per split, ordered merge. No
// floating-point atomics: results are bit-identical between runs on one architecture. Compiled only so far
// (docs/gpu.md).
#include "attention/kernels/pool.h"

#include "attention/kernels/launch.h"

namespace {

using fovea::attention::kernels::SoftmaxState;
namespace kernels = fovea::attention::kernels;

constexpr int kWarp = 32, kThreads = 256;

/// Sum over a warp in a fixed tree; lane 0 holds the result.
__device__ float warp_sum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
  return value;
}

/// One warp a row: hidden = tanh(v) sigmoid(u), then K dot products.
__global__ void gate_scores(const float* vu, const float* w, const float* b, std::int64_t n, std::int64_t hidden,
                            std::int64_t branches, bool gated, float* scores, std::int64_t stride,
                            std::int64_t offset) {
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (row >= n) return;
  const float* pre = vu + row * (gated ? 2 * hidden : hidden);
  for (std::int64_t k = 0; k < branches; ++k) {
    float sum = 0;
    for (std::int64_t i = lane; i < hidden; i += kWarp)
      sum += (gated ? kernels::gated(pre[i], pre[hidden + i]) : tanhf(pre[i])) * w[k * hidden + i];
    sum = warp_sum(sum);
    if (lane == 0) scores[k * stride + offset + row] = sum + b[k];
  }
}

__device__ float block_reduce(float value, float* shared, bool maximum) {
  shared[threadIdx.x] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) {
      const float other = shared[threadIdx.x + half];
      shared[threadIdx.x] = maximum ? fmaxf(shared[threadIdx.x], other) : shared[threadIdx.x] + other;
    }
    __syncthreads();
  }
  const float result = shared[0];
  __syncthreads();
  return result;
}

/// One block a (split, branch): state of the split, then the weighted sum of its rows, threads over the feature axis.
__global__ void pool_splits(const float* scores, const float* x, std::int64_t rows, std::int64_t width,
                            std::int64_t branches, std::int64_t split, float* states, float* sums) {
  __shared__ float shared[kThreads];
  const std::int64_t s = blockIdx.x, k = blockIdx.y, first = s * split, count = min(split, rows - first);
  const float* row_scores = scores + k * rows + first;
  float largest = -INFINITY, bad = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads)
    largest = fmaxf(largest, row_scores[i]), bad += row_scores[i] != row_scores[i];
  const float m = block_reduce(bad, shared, false) > 0 ? NAN : block_reduce(largest, shared, true);
  float l = 0, t = 0;
  if (m != -INFINITY)
    for (std::int64_t i = threadIdx.x; i < count; i += kThreads) {
      const float e = expf(row_scores[i] - m);
      l += e;
      if (e != 0) t += e * row_scores[i];
    }
  l = block_reduce(l, shared, false);
  t = block_reduce(t, shared, false);
  if (threadIdx.x == 0) {
    float* state = states + 3 * (s * branches + k);
    state[0] = m, state[1] = l, state[2] = t;
  }
  float* sum = sums + (s * branches + k) * width;
  for (std::int64_t d = threadIdx.x; d < width; d += kThreads) {
    float value = 0;
    if (m != -INFINITY)
      for (std::int64_t i = 0; i < count; ++i) value += expf(row_scores[i] - m) * x[(first + i) * width + d];
    sum[d] = value;
  }
}

__global__ void pool_merge(const float* states, const float* sums, std::int64_t splits, std::int64_t width,
                           std::int64_t branches, float* z, float* lse, float* entropy) {
  const std::int64_t k = blockIdx.x;
  for (std::int64_t d = threadIdx.x; d == static_cast<std::int64_t>(threadIdx.x) || d < width; d += kThreads) {
    SoftmaxState<float> state = kernels::neutral_state<float>();
    float sum = 0;
    for (std::int64_t s = 0; s < splits; ++s) {
      const float* raw = states + 3 * (s * branches + k);
      float scale_into = 0, scale_from = 0;
      state = kernels::merged(state, SoftmaxState<float>{raw[0], raw[1], raw[2]}, scale_into, scale_from);
      if (d < width) sum = sum * scale_into + sums[(s * branches + k) * width + d] * scale_from;
    }
    if (d < width) z[k * width + d] = state.l == 0 ? 0 : sum / state.l;
    if (d == 0) lse[k] = kernels::lse_of(state), entropy[k] = kernels::entropy_of(state);
  }
}

}  // namespace

extern "C" int fovea_cuda_gate_scores(const float* vu, const float* w, const float* b, std::int64_t n,
                                      std::int64_t hidden, std::int64_t branches, int gated, float* scores,
                                      std::int64_t stride, std::int64_t offset, void* stream) {
  return FOVEA_LAUNCH(gate_scores, kernels::Grid{kernels::blocks_for(n * kWarp, kThreads)}, kThreads, 0, stream, vu, w,
                      b, n, hidden, branches, gated != 0, scores, stride, offset);
}

extern "C" int fovea_cuda_pool_splits(const float* scores, const float* x, std::int64_t rows, std::int64_t width,
                                      std::int64_t branches, std::int64_t split, float* states, float* sums,
                                      void* stream) {
  return FOVEA_LAUNCH(pool_splits, (kernels::Grid{kernels::blocks_for(rows, split), branches}), kThreads, 0, stream,
                      scores, x, rows, width, branches, split, states, sums);
}

extern "C" int fovea_cuda_pool_merge(const float* states, const float* sums, std::int64_t splits, std::int64_t width,
                                     std::int64_t branches, float* z, float* lse, float* entropy, void* stream) {
  return FOVEA_LAUNCH(pool_merge, kernels::Grid{branches}, kThreads, 0, stream, states, sums, splits, width, branches,
                      z, lse, entropy);
}
