// Gradients behind the hidden values of voxels on CUDA: of the projected values, and the sums that the weights'
// gradients are made of. Hidden values are computed again, not kept. Run under host emulation only so far
// (docs/gpu.md).
#include "attention/kernels/pointwise.cuh"
#include "attention/kernels/row_tiles.cuh"

namespace {

using namespace fovea::attention::kernels;

/// Terms that the values of a projection have for themselves.
__host__ __device__ std::int64_t own_terms(const Hidden& in, const Projection& projection) {
  return projection.term_stride != 0 ? in.terms : 1;
}

/// gradients[i][f] += psi_f slope [pre_f > 0] of the block's term.
__device__ void add_hidden_gradients(const HiddenBackward& in, const VoxelBlock& block, std::int64_t part,
                                     WeightTile& tile, HiddenPart& gradients) {
  HiddenPart pre;
  hidden_part(in.in, block, part, tile, pre);
  const float* slope = in.slope + (block.image * in.in.terms + block.term) * in.in.voxels;
#pragma unroll
  for (int i = 0; i < kThreadVoxels; ++i) {
    const std::int64_t voxel = voxel_of(block, i);
    const float here = voxel < in.in.voxels ? slope[voxel] : 0.0f;
#pragma unroll
    for (int f = 0; f < kHiddenPart; ++f)
      if (part + f < in.in.hidden && !(pre[i][f] <= 0)) gradients[i][f] += in.psi[part + f] * here;
  }
}

/// into += W^T gradients, for the hidden values of one part.
__device__ void add_backwards(const HiddenBackward& in, const VoxelBlock& block, std::int64_t part, bool add,
                              WeightTile& tile, const HiddenPart& gradients) {
  const Projection& to = in.of;
  float* into = in.into + block.image * to.image_stride + block.term * to.term_stride;
  for (std::int64_t first = 0; first < to.channels; first += kChannelPart) {
    stage(to.weights + block.term * to.weight_term_stride, to.channels, in.in.hidden, first, part, tile);
    for (int i = 0; i < kThreadVoxels; ++i) {
      const std::int64_t voxel = voxel_of(block, i);
      for (int c = 0; voxel < in.in.voxels && c < kChannelPart && first + c < to.channels; ++c) {
        float sum = 0;
#pragma unroll
        for (int f = 0; f < kHiddenPart; ++f) sum += tile.at[c][f] * gradients[i][f];
        float& at = into[(first + c) * in.in.voxels + voxel];
        at = add ? at + sum : sum;
      }
    }
  }
}

__global__ void __launch_bounds__(kVoxelThreads) hidden_backward(HiddenBackward in) {
  __shared__ WeightTile tile;
  const std::int64_t own = own_terms(in.in, in.of);
  VoxelBlock block = voxel_block(in.in.voxels, own);
  const std::int64_t begin = own > 1 ? block.term : 0, end = own > 1 ? block.term + 1 : in.in.terms;
  for (std::int64_t part = 0; part < in.in.hidden; part += kHiddenPart) {
    HiddenPart gradients = {};
    for (block.term = begin; block.term < end; ++block.term)
      if (is_present(in.in, block.image, block.term)) add_hidden_gradients(in, block, part, tile, gradients);
    block.term = begin;
    // Weights of an own term that is absent meet gradients of 0: its values stay unread.
    add_backwards(in, block, part, in.add || part > 0, tile, gradients);
  }
}

/// The tile of pre [64 hidden, 64 voxels] of one term.
struct SumTiles {
  Tile<kTileRows> left;
  ValueTile right;
  Tile<kTilePairs> against;
};

__device__ void add_pre(const Hidden& in, const Projection& projection, const VoxelBlock& block, std::int64_t part,
                        SumTiles& tiles, float (&pre)[kThreadRows][kThreadWidth]) {
  const float* values = projection.values + block.image * projection.image_stride + block.term * projection.term_stride;
  const float* weights = projection.weights + block.term * projection.weight_term_stride;
  for (std::int64_t first = 0; first < projection.channels; first += kRowTileDepth) {
    fill_by_columns(tiles.left, [&](int f, int c) {
      return part + f < in.hidden && first + c < projection.channels
                 ? weights[(part + f) * projection.channels + first + c]
                 : 0.0f;
    });
    fill(tiles.right, [&](int c, int v) {
      return first + c < projection.channels && block.first + v < in.voxels
                 ? values[(first + c) * in.voxels + block.first + v]
                 : 0.0f;
    });
    __syncthreads();
    add_products(tiles.left, tiles.right, pre);
    __syncthreads();
  }
}

/// slopes [pre > 0] of all terms, added up: what one tile of voxels gives to every hidden value.
__device__ void add_active_slopes(const HiddenSums& in, VoxelBlock block, std::int64_t part, SumTiles& tiles,
                                  float (&active)[kThreadRows][kThreadWidth]) {
  float pre[kThreadRows][kThreadWidth];
  for (int i = 0; i < kThreadRows; ++i) {
    const std::int64_t f = part + tile_row(i);
    float bias = 0;
#pragma unroll
    for (int p = 0; p < 2; ++p)
      if (in.in.projections[p].bias && f < in.in.hidden) bias += in.in.projections[p].bias[f];
    for (int j = 0; j < kThreadWidth; ++j) pre[i][j] = bias;
  }
#pragma unroll
  for (int p = 0; p < 2; ++p)
    if (in.in.projections[p].weights) add_pre(in.in, in.in.projections[p], block, part, tiles, pre);
  const float* slope = in.slope + (block.image * in.in.terms + block.term) * in.in.voxels;
  for (int j = 0; j < kThreadWidth; ++j) {
    const std::int64_t voxel = block.first + tile_column(j);
    const float here = voxel < in.in.voxels ? slope[voxel] : 0.0f;
    for (int i = 0; i < kThreadRows; ++i)
      if (!(pre[i][j] <= 0)) active[i][j] += here;
  }
}

/// sums [64 hidden, 32 channels] += active slopes times the values (and 1 after the last channel) of 64 voxels.
__device__ void add_against(const HiddenSums& in, const VoxelBlock& block, std::int64_t first_channel, SumTiles& tiles,
                            const float (&active)[kThreadRows][kThreadWidth],
                            float (&sums)[kThreadRows][kThreadPairs]) {
  const Projection& of = in.of;
  const float* values = of.values + block.image * of.image_stride + block.term * of.term_stride;
#pragma unroll
  for (int half = 0; half < kTileWidth / kRowTileDepth; ++half) {
    for (int i = 0; i < kThreadRows; ++i)
#pragma unroll
      for (int j = 0; j < kRowTileDepth / kRowThreads; ++j)
        tiles.left.at[tile_row(i)][tile_column(j)] = active[i][half * (kRowTileDepth / kRowThreads) + j];
    fill_by_columns(tiles.against, [&](int c, int v) {
      const std::int64_t channel = first_channel + c, voxel = block.first + half * kRowTileDepth + v;
      if (channel > of.channels || voxel >= in.in.voxels) return 0.0f;
      return channel == of.channels ? 1.0f : values[channel * in.in.voxels + voxel];
    });
    __syncthreads();
    add_dots(tiles.left, tiles.against, sums);
    __syncthreads();
  }
}

__global__ void __launch_bounds__(kRowTileThreads) hidden_sums(HiddenSums in) {
  __shared__ SumTiles tiles;
  const Projection& of = in.of;
  const std::int64_t own = own_terms(in.in, of), splits = blocks_for(in.in.voxels, kVoxelSplit);
  const std::int64_t across = blocks_for(of.channels + 1, kTilePairs);
  const Place place = place_of_block(in.in.images * splits, across * blocks_for(in.in.hidden, kTileRows));
  const std::int64_t part = place.part / across * kTileRows, channel = place.part % across * kTilePairs;
  const std::int64_t begin = place.tile % splits * kVoxelSplit, end = min(begin + kVoxelSplit, in.in.voxels);
  const std::int64_t first_term = own > 1 ? place.outer : 0, last_term = own > 1 ? place.outer + 1 : in.in.terms;
  float sums[kThreadRows][kThreadPairs] = {};
  VoxelBlock block{place.tile / splits, 0, 0};
  for (block.first = begin; block.first < end; block.first += kTileWidth) {
    float active[kThreadRows][kThreadWidth] = {};
    bool any = false;
    for (block.term = first_term; block.term < last_term; ++block.term) {
      if (!is_present(in.in, block.image, block.term)) continue;
      add_active_slopes(in, block, part, tiles, active), any = true;
    }
    block.term = first_term;
    if (any) add_against(in, block, channel, tiles, active, sums);
  }
  float* into = in.parts + (place.outer * in.in.images * splits + place.tile) * in.in.hidden * (of.channels + 1);
  for (int i = 0; i < kThreadRows; ++i)
    for (int j = 0; j < kThreadPairs; ++j) {
      const std::int64_t f = part + tile_row(i), c = channel + tile_column(j);
      if (f < in.in.hidden && c <= of.channels) into[f * (of.channels + 1) + c] = sums[i][j];
    }
}

}  // namespace

static_assert(kVoxelSplit % kTileWidth == 0, "a tile of voxels lies in one split");

extern "C" int fovea_cuda_hidden_backward(const HiddenBackward* in, void* stream) {
  const std::int64_t own = own_terms(in->in, in->of);
  const std::int64_t blocks = in->in.images * own * blocks_for(in->in.voxels, kBlockVoxels);
  return FOVEA_LAUNCH(hidden_backward, Grid{blocks}, kVoxelThreads, 0, stream, *in);
}

extern "C" int fovea_cuda_hidden_sums(const HiddenSums* in, void* stream) {
  const Projection& of = in->of;
  const std::int64_t splits = own_terms(in->in, of) * in->in.images * blocks_for(in->in.voxels, kVoxelSplit);
  const std::int64_t tiles = blocks_for(in->in.hidden, kTileRows) * blocks_for(of.channels + 1, kTilePairs);
  return FOVEA_LAUNCH(hidden_sums, Grid{splits * tiles}, kRowTileThreads, 0, stream, *in);
}
