// Masked modality attention on CUDA: scores as a gate has them, then a softmax over at most eight modalities in a
// thread's registers. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/modality.h"

#include "attention/kernels/pointwise.cuh"

namespace {

using namespace fovea::attention::kernels;

__global__ void __launch_bounds__(kVoxelThreads)
    modality_scores(Hidden in, const float* psi, const float* bias, float* scores) {
  __shared__ WeightTile tile;
  const VoxelBlock block = voxel_block(in.voxels, in.terms);
  if (!is_present(in, block.image, block.term)) return;
  float sums[kThreadVoxels];
  for (int i = 0; i < kThreadVoxels; ++i) sums[i] = bias[0];
  add_scores(in, block, psi, tile, sums);
  for (int i = 0; i < kThreadVoxels; ++i) {
    const std::int64_t voxel = voxel_of(block, i);
    if (voxel < in.voxels) scores[(block.image * in.terms + block.term) * in.voxels + voxel] = sums[i];
  }
}

/// One thread's voxel.
struct Voxel {
  std::int64_t image, at;
};
__device__ Voxel voxel_of_thread(const Modalities& in) {
  const std::int64_t blocks = blocks_for(in.voxels, kVoxelThreads), index = blockIdx.x;
  return {index / blocks, index % blocks * kVoxelThreads + threadIdx.x};
}
__device__ bool there(const Modalities& in, const Voxel& voxel, int m) {
  return m < in.modalities && in.present[voxel.image * in.modalities + m];
}
__device__ std::int64_t weight_at(const Modalities& in, const Voxel& voxel, int m) {
  return (voxel.image * in.modalities + m) * in.voxels + voxel.at;
}
__device__ std::int64_t feature_at(const Modalities& in, const Voxel& voxel, int m, std::int64_t channel) {
  return ((voxel.image * in.modalities + m) * in.channels + channel) * in.voxels + voxel.at;
}

/// The softmax of the modalities that are there; without a finite score all weights are 0, and NaN is NaN for all.
__device__ void softmax(const Modalities& in, const Voxel& voxel, float (&scores)[kMostModalities]) {
  float largest = -INFINITY, sum = 0;
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m)
    if (there(in, voxel, m)) largest = fmaxf(largest, scores[m]);
  const float shift = largest == -INFINITY ? 0.0f : largest;
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m) {
    scores[m] = there(in, voxel, m) ? expf(scores[m] - shift) : 0.0f;
    sum += scores[m];
  }
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m)
    if (there(in, voxel, m)) scores[m] = sum == 0 ? 0.0f : scores[m] / sum;
}

__global__ void __launch_bounds__(kVoxelThreads)
    modality_fuse(Modalities in, const float* scores, float* weights, float* y) {
  const Voxel voxel = voxel_of_thread(in);
  if (voxel.at >= in.voxels) return;
  float a[kMostModalities];
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m) a[m] = there(in, voxel, m) ? scores[weight_at(in, voxel, m)] : 0.0f;
  softmax(in, voxel, a);
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m)
    if (m < in.modalities) weights[weight_at(in, voxel, m)] = a[m];
  for (std::int64_t c = 0; c < in.channels; ++c) {
    float sum = 0;
#pragma unroll
    for (int m = 0; m < kMostModalities; ++m)
      if (there(in, voxel, m)) sum += a[m] * in.features[feature_at(in, voxel, m, c)];
    y[(voxel.image * in.channels + c) * in.voxels + voxel.at] = sum;
  }
}

__global__ void __launch_bounds__(kVoxelThreads) modality_backward(Modalities in, ModalityGradients gradients) {
  const Voxel voxel = voxel_of_thread(in);
  if (voxel.at >= in.voxels) return;
  float a[kMostModalities], of_a[kMostModalities];
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m) {
    const bool here = there(in, voxel, m);
    a[m] = here ? gradients.weights[weight_at(in, voxel, m)] : 0.0f;
    of_a[m] = here && gradients.grad_weights ? gradients.grad_weights[weight_at(in, voxel, m)] : 0.0f;
  }
  for (std::int64_t c = 0; c < in.channels; ++c) {
    const float up = gradients.grad_y[(voxel.image * in.channels + c) * in.voxels + voxel.at];
#pragma unroll
    for (int m = 0; m < kMostModalities; ++m) {
      if (m >= in.modalities) continue;
      const std::int64_t at = feature_at(in, voxel, m, c);
      if (there(in, voxel, m)) of_a[m] += up * in.features[at];
      gradients.dfeatures[at] = there(in, voxel, m) ? a[m] * up : 0.0f;
    }
  }
  float common = 0;
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m)
    if (there(in, voxel, m)) common += a[m] * of_a[m];
#pragma unroll
  for (int m = 0; m < kMostModalities; ++m)
    if (m < in.modalities)
      gradients.dscores[weight_at(in, voxel, m)] = there(in, voxel, m) ? a[m] * (of_a[m] - common) : 0.0f;
}

Grid grid_of(const Modalities& in) {
  return Grid{in.images * blocks_for(in.voxels, kVoxelThreads)};
}

}  // namespace

extern "C" int fovea_cuda_modality_scores(const Hidden* in, const float* psi, const float* bias, float* scores,
                                          void* stream) {
  const Grid grid{in->images * in->terms * blocks_for(in->voxels, kBlockVoxels)};
  return FOVEA_LAUNCH(modality_scores, grid, kVoxelThreads, 0, stream, *in, psi, bias, scores);
}

extern "C" int fovea_cuda_modality_fuse(const Modalities* in, const float* scores, float* weights, float* y,
                                        void* stream) {
  if (in->modalities > kMostModalities) return cudaErrorInvalidValue;
  return FOVEA_LAUNCH(modality_fuse, grid_of(*in), kVoxelThreads, 0, stream, *in, scores, weights, y);
}

extern "C" int fovea_cuda_modality_backward(const Modalities* in, const ModalityGradients* gradients, void* stream) {
  if (in->modalities > kMostModalities) return cudaErrorInvalidValue;
  return FOVEA_LAUNCH(modality_backward, grid_of(*in), kVoxelThreads, 0, stream, *in, *gradients);
}
