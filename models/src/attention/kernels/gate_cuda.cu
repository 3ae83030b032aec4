// Attention gates on CUDA: hidden values in registers, weights through shared memory, nothing of full size stored but
// alpha and the result. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/gate.h"

#include "attention/kernels/pointwise.cuh"

namespace {

using namespace fovea::attention::kernels;

__device__ void gate_alphas(const GateLogits& in, const VoxelBlock& block, WeightTile& tile,
                            float (&alphas)[kThreadVoxels]) {
  float logits[kThreadVoxels];
  for (int i = 0; i < kThreadVoxels; ++i) logits[i] = in.bpsi[0];
#pragma unroll
  for (int set = 0; set < 2; ++set)
    if (set < in.count) add_scores(in.hidden[set], block, in.psi[set], tile, logits);
  for (int i = 0; i < kThreadVoxels; ++i) alphas[i] = 1.0f / (1.0f + expf(-logits[i]));
}

__global__ void __launch_bounds__(kVoxelThreads) attention_gate(GateLogits in, float* alpha, float* out) {
  __shared__ WeightTile tile;
  const std::int64_t voxels = in.hidden[0].voxels;
  const VoxelBlock block = voxel_block(voxels, 1);
  float alphas[kThreadVoxels];
  gate_alphas(in, block, tile, alphas);
  for (int i = 0; i < kThreadVoxels; ++i) {
    const std::int64_t voxel = voxel_of(block, i), image = block.image * in.x_channels * voxels + voxel;
    if (voxel >= voxels) continue;
    alpha[block.image * voxels + voxel] = alphas[i];
    for (std::int64_t c = 0; out && c < in.x_channels; ++c)
      out[image + c * voxels] = alphas[i] * in.x[image + c * voxels];
  }
}

__global__ void __launch_bounds__(kVoxelThreads) gate_slope(GateLogits in, GateSlope gradients) {
  __shared__ WeightTile tile;
  const std::int64_t voxels = in.hidden[0].voxels;
  const VoxelBlock block = voxel_block(voxels, 1);
  float alphas[kThreadVoxels];
  gate_alphas(in, block, tile, alphas);
  for (int i = 0; i < kThreadVoxels; ++i) {
    const std::int64_t voxel = voxel_of(block, i), image = block.image * in.x_channels * voxels + voxel;
    if (voxel >= voxels) continue;
    const std::int64_t at = block.image * voxels + voxel;
    float of_alpha = gradients.grad_alpha ? gradients.grad_alpha[at] : 0.0f;
    for (std::int64_t c = 0; c < in.x_channels; ++c) {
      const float up = gradients.grad_out[image + c * voxels];
      of_alpha += up * in.x[image + c * voxels];
      gradients.dx[image + c * voxels] = up * alphas[i];
    }
    gradients.slope[at] = of_alpha * alphas[i] * (1 - alphas[i]);
  }
}

std::int64_t blocks_of(const GateLogits& in) {
  return in.hidden[0].images * blocks_for(in.hidden[0].voxels, kBlockVoxels);
}

}  // namespace

extern "C" int fovea_cuda_attention_gate(const GateLogits* in, float* alpha, float* out, void* stream) {
  return FOVEA_LAUNCH(attention_gate, Grid{blocks_of(*in)}, kVoxelThreads, 0, stream, *in, alpha, out);
}

extern "C" int fovea_cuda_gate_slope(const GateLogits* in, const GateSlope* gradients, void* stream) {
  return FOVEA_LAUNCH(gate_slope, Grid{blocks_of(*in)}, kVoxelThreads, 0, stream, *in, *gradients);
}
