// Softmax over N of every branch: a state a split, merged in index order.
#include "attention/kernels/launch.h"
#include "attention/kernels/pool_cuda.h"
#include "attention/kernels/reduce.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 256;

/// One block a (split, branch). -inf scores weigh 0; a NaN or +inf makes the state NaN.
__global__ void split_states(const float* scores, std::int64_t rows, std::int64_t split, ShiftedState* states) {
  __shared__ float shared[kThreads / kWarp];
  const std::int64_t first = blockIdx.x * split, k = blockIdx.y, count = min(split, rows - first);
  const float* s = scores + k * rows + first;
  float m = -INFINITY;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) m = larger(m, s[i]);
  m = block_reduce(m, Larger(), shared);
  float l = 0, t = 0;
  if (m != -INFINITY)
    for (std::int64_t i = threadIdx.x; i < count; i += kThreads) {
      const float shifted = s[i] - m, e = expf(shifted);
      l += e;
      if (e != 0) t += e * shifted;
    }
  l = block_reduce(l, Sum(), shared);
  t = block_reduce(t, Sum(), shared);
  if (threadIdx.x == 0) states[blockIdx.x * static_cast<std::int64_t>(gridDim.y) + k] = {m, l, t};
}

/// One thread a branch: S is N / 1024, too few to share.
__global__ void merge_states(const ShiftedState* states, std::int64_t splits, std::int64_t branches,
                             ShiftedState* totals, float* lse, float* entropy) {
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (k >= branches) return;
  float m = -INFINITY;
  for (std::int64_t s = 0; s < splits; ++s) m = larger(m, states[s * branches + k].m);
  float l = 0, t = 0;
  for (std::int64_t s = 0; s < splits; ++s) {
    const ShiftedState part = states[s * branches + k];
    if (part.m == -INFINITY) continue;
    const float shift = part.m - m, scale = expf(shift);
    l += scale * part.l;
    if (scale != 0) t += scale * (part.t + shift * part.l);
  }
  totals[k] = {m, l, t};
  const bool empty = m == -INFINITY;
  if (lse) lse[k] = empty ? -INFINITY : m + logf(l);
  if (entropy) entropy[k] = empty ? 0.0f : logf(l) - t / l;
}

}  // namespace

extern "C" int fovea_cuda_pool_states(const float* scores, std::int64_t branches, std::int64_t rows, std::int64_t split,
                                      ShiftedState* states, ShiftedState* totals, float* lse, float* entropy,
                                      void* stream) {
  const std::int64_t splits = blocks_for(rows, split);
  if (const int status =
          FOVEA_LAUNCH(split_states, (Grid{splits, branches}), kThreads, 0, stream, scores, rows, split, states))
    return status;
  return FOVEA_LAUNCH(merge_states, Grid{blocks_for(branches, kWarp)}, kWarp, 0, stream, states, splits, branches,
                      totals, lse, entropy);
}
