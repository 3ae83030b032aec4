// Hidden values of voxels in registers: a thread has two voxels and sixteen hidden values at a time, weights pass
// through shared memory.
#pragma once

#include "attention/kernels/launch.h"
#include "attention/kernels/pointwise.h"

namespace fovea::attention::kernels {

constexpr int kVoxelThreads = 128;
constexpr int kThreadVoxels = 2;
constexpr int kBlockVoxels = kVoxelThreads * kThreadVoxels;
constexpr int kHiddenPart = 16;
constexpr int kChannelPart = 32;

struct WeightTile {
  float at[kChannelPart][kHiddenPart];
};
using HiddenPart = float[kThreadVoxels][kHiddenPart];

/// A block's voxels of one image, and the term it works on.
struct VoxelBlock {
  std::int64_t image, term, first;
};
__device__ inline VoxelBlock voxel_block(std::int64_t voxels, std::int64_t terms) {
  const std::int64_t blocks = blocks_for(voxels, kBlockVoxels), index = blockIdx.x;
  return {index / blocks / terms, index / blocks % terms, index % blocks * kBlockVoxels};
}
__device__ inline std::int64_t voxel_of(const VoxelBlock& block, int i) {
  return block.first + i * kVoxelThreads + threadIdx.x;
}

__device__ inline bool is_present(const Hidden& in, std::int64_t image, std::int64_t term) {
  return !in.present || in.present[image * in.terms + term];
}

/// Not fmaxf, which would turn NaN into 0.
__device__ inline float relu(float x) {
  return x <= 0 ? 0.0f : x;
}

/// Weights of channels [first, ..) for hidden values [part, ..); all threads, between barriers.
__device__ inline void stage(const float* weights, std::int64_t channels, std::int64_t hidden, std::int64_t first,
                             std::int64_t part, WeightTile& tile) {
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kChannelPart * kHiddenPart; i += kVoxelThreads) {
    const std::int64_t c = first + i % kChannelPart, f = part + i / kChannelPart;
    tile.at[i % kChannelPart][i / kChannelPart] = c < channels && f < hidden ? weights[f * channels + c] : 0.0f;
  }
  __syncthreads();
}

__device__ inline void add_projection(const Hidden& in, const Projection& projection, const VoxelBlock& block,
                                      std::int64_t part, WeightTile& tile, HiddenPart& sums) {
  const float* values = projection.values + block.image * projection.image_stride + block.term * projection.term_stride;
  const float* weights = projection.weights + block.term * projection.weight_term_stride;
  for (std::int64_t first = 0; first < projection.channels; first += kChannelPart) {
    stage(weights, projection.channels, in.hidden, first, part, tile);
    const int count = static_cast<int>(min(projection.channels - first, static_cast<std::int64_t>(kChannelPart)));
#pragma unroll
    for (int i = 0; i < kThreadVoxels; ++i) {
      const std::int64_t voxel = voxel_of(block, i);
      if (voxel >= in.voxels) continue;
      for (int c = 0; c < count; ++c) {
        const float value = values[(first + c) * in.voxels + voxel];
#pragma unroll
        for (int f = 0; f < kHiddenPart; ++f) sums[i][f] += tile.at[c][f] * value;
      }
    }
  }
}

/// pre of hidden values [part, part + kHiddenPart); 0 past the last one. All threads of the block.
__device__ inline void hidden_part(const Hidden& in, const VoxelBlock& block, std::int64_t part, WeightTile& tile,
                                   HiddenPart& sums) {
#pragma unroll
  for (int f = 0; f < kHiddenPart; ++f) {
    float bias = 0;
#pragma unroll
    for (int p = 0; p < 2; ++p)
      if (in.projections[p].bias && part + f < in.hidden) bias += in.projections[p].bias[part + f];
#pragma unroll
    for (int i = 0; i < kThreadVoxels; ++i) sums[i][f] = bias;
  }
#pragma unroll
  for (int p = 0; p < 2; ++p)
    if (in.projections[p].weights) add_projection(in, in.projections[p], block, part, tile, sums);
}

/// scores[i] += sum over f of psi_f relu(pre_f)
__device__ inline void add_scores(const Hidden& in, const VoxelBlock& block, const float* psi, WeightTile& tile,
                                  float (&scores)[kThreadVoxels]) {
  for (std::int64_t part = 0; part < in.hidden; part += kHiddenPart) {
    HiddenPart pre;
    hidden_part(in, block, part, tile, pre);
#pragma unroll
    for (int f = 0; f < kHiddenPart; ++f) {
      const float weight = part + f < in.hidden ? psi[part + f] : 0.0f;
#pragma unroll
      for (int i = 0; i < kThreadVoxels; ++i) scores[i] += weight * relu(pre[i][f]);
    }
  }
}

}  // namespace fovea::attention::kernels
