// The merge of finished softmax parts (attention.md 3.3).
#include "attention/kernels/launch.h"
#include "attention/kernels/pool_cuda.h"
#include "attention/kernels/reduce.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 128;

/// One block a (row, 128 values).
__global__ void merge_parts(const float* outs, const float* lses, std::int64_t parts, std::int64_t rows,
                            std::int64_t width, float* out, float* lse) {
  const std::int64_t row = blockIdx.x, d = static_cast<std::int64_t>(blockIdx.y) * kThreads + threadIdx.x;
  float m = -INFINITY;
  for (std::int64_t part = 0; part < parts; ++part) m = larger(m, lses[part * rows + row]);
  float l = 0, sum = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const float own = lses[part * rows + row];
    if (own == -INFINITY) continue;
    const float e = expf(own - m);
    l += e;
    if (d < width) sum += e * outs[(part * rows + row) * width + d];
  }
  const bool empty = m == -INFINITY;
  if (d < width) out[row * width + d] = empty ? 0.0f : sum / l;
  if (d == 0) lse[row] = empty ? -INFINITY : m + logf(l);
}

}  // namespace

extern "C" int fovea_cuda_softmax_merge(const float* outs, const float* lses, std::int64_t parts, std::int64_t rows,
                                        std::int64_t width, float* out, float* lse, void* stream) {
  return FOVEA_LAUNCH(merge_parts, (Grid{rows, blocks_for(width > 0 ? width : 1, kThreads)}), kThreads, 0, stream, outs,
                      lses, parts, rows, width, out, lse);
}
