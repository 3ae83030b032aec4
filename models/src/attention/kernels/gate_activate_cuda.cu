// Gate scores from pre-activations that a library's product made: cheaper than the fused kernel for wide rows
// (ops/cuda_gate_scores.cc holds the rule).
#include "attention/kernels/keep.cuh"
#include "attention/kernels/launch.h"
#include "attention/kernels/pool_cuda.h"
#include "attention/kernels/pool_math.h"
#include "attention/kernels/reduce.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 256;

/// One warp a row.
__global__ void activate_scores(const float* pre, std::int64_t rows, GateView gate, KeepView keep, float* scores,
                                std::int64_t stride) {
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (row >= rows) return;
  const bool is_gated = gate.wu != nullptr;
  const float* values = pre + row * (is_gated ? 2 : 1) * gate.hidden;
  for (std::int64_t k = 0; k < gate.branches; ++k) {
    float sum = 0;
    for (std::int64_t i = lane; i < gate.hidden; i += kWarp)
      sum += (is_gated ? gated(values[i], values[gate.hidden + i]) : tanhf(values[i])) * gate.w[k * gate.hidden + i];
    sum = warp_reduce(sum, Sum());
    if (lane == 0) scores[k * stride + row] = masked_score(gate, keep, k, row, sum);
  }
}

}  // namespace

extern "C" int fovea_cuda_activate_scores(const float* pre, std::int64_t rows, GateView gate, KeepView keep,
                                          float* scores, std::int64_t stride, void* stream) {
  return FOVEA_LAUNCH(activate_scores, Grid{blocks_for(rows, kThreads / kWarp)}, kThreads, 0, stream, pre, rows, gate,
                      keep, scores, stride);
}
