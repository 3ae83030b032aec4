// Channel attention's products on CUDA. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/channel.h"

#include "attention/kernels/row_tiles.cuh"

namespace {

using namespace fovea::attention::kernels;

__device__ float at_channel(const ChannelImages& of, const float* image, std::int64_t channel, std::int64_t voxel,
                            std::int64_t end) {
  return channel < of.channels && voxel < end ? image[channel * of.voxels + voxel] : 0.0f;
}

__global__ void __launch_bounds__(kRowTileThreads)
    channel_gram(ChannelImages of, const float* x, const float* y, std::int64_t splits, float* parts) {
  __shared__ Tile<kTileRows> left;
  __shared__ Tile<kTilePairs> right;
  const std::int64_t across = blocks_for(of.channels, kTilePairs);
  const Place place = place_of_block(splits, across * blocks_for(of.channels, kTileRows));
  const std::int64_t row = place.part / across * kTileRows, column = place.part % across * kTilePairs;
  const std::int64_t begin = place.tile * kGramSplit, end = min(begin + kGramSplit, of.voxels);
  const std::int64_t image = place.outer * of.channels * of.voxels;
  float sums[kThreadRows][kThreadPairs] = {};
  for (std::int64_t first = begin; first < end; first += kRowTileDepth) {
    fill_by_columns(left, [&](int r, int v) { return at_channel(of, x + image, row + r, first + v, end); });
    fill_by_columns(right, [&](int c, int v) { return at_channel(of, y + image, column + c, first + v, end); });
    __syncthreads();
    add_dots(left, right, sums);
    __syncthreads();
  }
  float* into = parts + (place.outer * splits + place.tile) * of.channels * of.channels;
  for (int i = 0; i < kThreadRows; ++i)
    for (int j = 0; j < kThreadPairs; ++j) {
      const std::int64_t r = row + tile_row(i), c = column + tile_column(j);
      if (r < of.channels && c < of.channels) into[r * of.channels + c] = sums[i][j];
    }
}

__global__ void __launch_bounds__(kRowTileThreads)
    channel_mix(ChannelImages of, const float* weights, const float* x, const float* plus, float* out) {
  __shared__ Tile<kTileRows> left;
  __shared__ ValueTile right;
  const Place place = place_of_block(blocks_for(of.channels, kTileRows), blocks_for(of.voxels, kTileWidth));
  const std::int64_t row = place.tile * kTileRows, voxel = place.part * kTileWidth;
  const std::int64_t image = place.outer * of.channels * of.voxels;
  const float* of_image = weights + place.outer * of.channels * of.channels;
  float sums[kThreadRows][kThreadWidth] = {};
  for (std::int64_t first = 0; first < of.channels; first += kRowTileDepth) {
    fill_by_columns(left, [&](int r, int c) {
      return row + r < of.channels && first + c < of.channels ? of_image[(row + r) * of.channels + first + c] : 0.0f;
    });
    fill(right, [&](int c, int v) { return at_channel(of, x + image, first + c, voxel + v, of.voxels); });
    __syncthreads();
    add_products(left, right, sums);
    __syncthreads();
  }
  for (int i = 0; i < kThreadRows; ++i)
    for (int j = 0; j < kThreadWidth; ++j) {
      const std::int64_t c = row + tile_row(i), v = voxel + tile_column(j), at = image + c * of.voxels + v;
      if (c < of.channels && v < of.voxels) out[at] = plus ? sums[i][j] + plus[at] : sums[i][j];
    }
}

}  // namespace

extern "C" int fovea_cuda_channel_gram(const ChannelImages* of, const float* x, const float* y, float* parts,
                                       void* stream) {
  const std::int64_t splits = blocks_for(of->voxels, kGramSplit);
  const std::int64_t tiles = blocks_for(of->channels, kTileRows) * blocks_for(of->channels, kTilePairs);
  return FOVEA_LAUNCH(channel_gram, Grid{of->images * splits * tiles}, kRowTileThreads, 0, stream, *of, x, y, splits,
                      parts);
}

extern "C" int fovea_cuda_channel_mix(const ChannelImages* of, const float* weights, const float* x, const float* plus,
                                      float* out, void* stream) {
  const std::int64_t blocks = blocks_for(of->channels, kTileRows) * blocks_for(of->voxels, kTileWidth);
  return FOVEA_LAUNCH(channel_mix, Grid{of->images * blocks}, kRowTileThreads, 0, stream, *of, weights, x, plus, out);
}
