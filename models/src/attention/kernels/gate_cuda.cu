// Attention gate on CUDA: one thread a voxel, nothing of full size stored but alpha and the result. Compiled only so
// far (docs/gpu.md).
#include "attention/kernels/gate.h"

#include "attention/kernels/launch.h"

namespace {

constexpr int kThreads = 128;

__device__ float affine(const float* values, const float* weights, float bias, std::int64_t channels,
                        std::int64_t voxels, std::int64_t voxel) {
  float sum = bias;
  for (std::int64_t c = 0; c < channels; ++c) sum += weights[c] * values[c * voxels + voxel];
  return sum;
}

__global__ void attention_gate(const float* g, const float* x, const float* wg, const float* bg, const float* wx,
                               const float* bx, const float* wpsi, const float* bpsi, std::int64_t voxels,
                               std::int64_t g_channels, std::int64_t x_channels, std::int64_t hidden, bool concat,
                               float* alpha, float* out) {
  const std::int64_t voxel = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (voxel >= voxels) return;
  float logit = bpsi[0];
  for (std::int64_t f = 0; f < hidden; ++f) {
    const float from_g = affine(g, wg + f * g_channels, bg[f], g_channels, voxels, voxel);
    const float from_x = affine(x, wx + f * x_channels, bx[f], x_channels, voxels, voxel);
    logit += concat ? wpsi[f] * fmaxf(from_g, 0.0f) + wpsi[hidden + f] * fmaxf(from_x, 0.0f)
                    : wpsi[f] * fmaxf(from_g + from_x, 0.0f);
  }
  const float a = 1.0f / (1.0f + expf(-logit));
  alpha[voxel] = a;
  for (std::int64_t c = 0; c < x_channels; ++c) out[c * voxels + voxel] = a * x[c * voxels + voxel];
}

}  // namespace

extern "C" int fovea_cuda_attention_gate(const float* g, const float* x, const float* wg, const float* bg,
                                         const float* wx, const float* bx, const float* wpsi, const float* bpsi,
                                         std::int64_t voxels, std::int64_t g_channels, std::int64_t x_channels,
                                         std::int64_t hidden, int concat, float* alpha, float* out, void* stream) {
  using namespace fovea::attention::kernels;
  return FOVEA_LAUNCH(attention_gate, Grid{blocks_for(voxels, kThreads)}, kThreads, 0, stream, g, x, wg, bg, wx, bx,
                      wpsi, bpsi, voxels, g_channels, x_channels, hidden, concat != 0, alpha, out);
}
