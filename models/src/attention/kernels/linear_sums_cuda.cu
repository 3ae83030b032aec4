// Linear attention's sums over rows on CUDA: splits of rows side by side, merged afterwards (split_sums.h). Run under
// host emulation only so far (docs/gpu.md).
#include "attention/kernels/linear_rows.cuh"
#include "attention/kernels/reduce.cuh"

namespace {

using namespace fovea::attention::kernels;

/// A block sums a split of rows into one tile of the matrix.
__global__ void __launch_bounds__(kRowTileThreads)
    outer_sums(LinearRows x, LinearRows y, std::int64_t split, std::int64_t splits, float* parts) {
  __shared__ Tile<kTileRows> left;
  __shared__ ValueTile right;
  const std::int64_t across = blocks_for(y.width, kTileWidth);
  const Place place = place_of_block(splits, across * blocks_for(x.width, kTileRows));
  const std::int64_t x_first = place.part / across * kTileRows, y_first = place.part % across * kTileWidth;
  const std::int64_t begin = place.tile * split, end = begin + split < x.count ? begin + split : x.count;
  float sums[kThreadRows][kThreadWidth] = {};
  for (std::int64_t first = begin; first < end; first += kRowTileDepth) {
    const auto inside = [&](int k) { return first + k < end; };
    fill_by_rows(left, [&](int r, int k) { return inside(k) ? read(x, place.outer, first + k, x_first + r) : 0.0f; });
    fill(right, [&](int k, int c) { return inside(k) ? read(y, place.outer, first + k, y_first + c) : 0.0f; });
    __syncthreads();
    add_products(left, right, sums);
    __syncthreads();
  }
  float* into = parts + (place.outer * splits + place.tile) * x.width * y.width;
  for (int i = 0; i < kThreadRows; ++i)
    for (int j = 0; j < kThreadWidth; ++j) {
      const std::int64_t r = x_first + tile_row(i), c = y_first + tile_column(j);
      if (r < x.width && c < y.width) into[r * y.width + c] = sums[i][j];
    }
}

/// A thread a column of a split.
__global__ void __launch_bounds__(kRowTileThreads)
    column_sums(LinearRows x, std::int64_t split, std::int64_t splits, float* parts) {
  const Place place = place_of_block(splits, blocks_for(x.width, kRowTileThreads));
  const std::int64_t column = place.part * kRowTileThreads + threadIdx.x;
  if (column >= x.width) return;
  const std::int64_t begin = place.tile * split, end = begin + split < x.count ? begin + split : x.count;
  float sum = 0;
  for (std::int64_t row = begin; row < end; ++row) sum += read(x, place.outer, row, column);
  parts[(place.outer * splits + place.tile) * x.width + column] = sum;
}

/// A warp a row.
__global__ void __launch_bounds__(kRowTileThreads)
    row_dots(LinearRows x, const float* with, bool with_rows, std::int64_t heads, float* dots) {
  const std::int64_t index = (static_cast<std::int64_t>(blockIdx.x) * kRowTileThreads + threadIdx.x) / kWarp;
  if (index >= heads * x.count) return;
  const std::int64_t head = index / x.count, row = index % x.count;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float* other = with + (with_rows ? index : head) * x.width;
  float sum = 0;
  for (std::int64_t at = lane; at < x.width; at += kWarp) sum += read(x, head, row, at) * other[at];
  sum = warp_reduce(sum, Sum{});
  if (lane == 0) dots[index] = sum;
}

}  // namespace

extern "C" int fovea_cuda_linear_outer(const LinearRows* x, const LinearRows* y, std::int64_t heads, std::int64_t split,
                                       float* parts, void* stream) {
  const std::int64_t splits = blocks_for(x->count, split);
  const std::int64_t tiles = blocks_for(x->width, kTileRows) * blocks_for(y->width, kTileWidth);
  return FOVEA_LAUNCH(outer_sums, Grid{heads * splits * tiles}, kRowTileThreads, 0, stream, *x, *y, split, splits,
                      parts);
}

extern "C" int fovea_cuda_linear_columns(const LinearRows* x, std::int64_t heads, std::int64_t split, float* parts,
                                         void* stream) {
  const std::int64_t splits = blocks_for(x->count, split);
  return FOVEA_LAUNCH(column_sums, Grid{heads * splits * blocks_for(x->width, kRowTileThreads)}, kRowTileThreads, 0,
                      stream, *x, split, splits, parts);
}

extern "C" int fovea_cuda_linear_dots(const LinearRows* x, const float* with, int with_rows, std::int64_t heads,
                                      float* dots, void* stream) {
  return FOVEA_LAUNCH(row_dots, Grid{blocks_for(heads * x->count, kRowTileThreads / kWarp)}, kRowTileThreads, 0, stream,
                      *x, with, with_rows != 0, heads, dots);
}
