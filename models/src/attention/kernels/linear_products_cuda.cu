// Linear attention's products of rows with a summed matrix on CUDA, and what follows them in the same pass. Run under
// host emulation only so far (docs/gpu.md).
#include "attention/kernels/linear_rows.cuh"
#include "attention/kernels/reduce.cuh"

namespace {

using namespace fovea::attention::kernels;

/// The rotation's transpose on the gradient of one value; its pair is in the neighbouring lane.
__device__ float rotated_back(const LinearRows& at, std::int64_t row, std::int64_t column, float gradient) {
  const bool inside = row < at.count && column < at.width;
  const std::int64_t angle = row * at.width + column;
  const float across = __shfl_xor_sync(kAllLanes, inside ? gradient * at.sin[angle] : 0.0f, 1);
  return inside ? gradient * at.cos[angle] + (column % 2 == 0 ? across : -across) : 0.0f;
}

struct Spot {
  std::int64_t head, row, column;
  bool inside;
};

/// All threads of a warp call this together.
__device__ float after_products(const LinearProducts& in, const Spot& spot, float sum) {
  if (in.after == AfterProducts::kOfFeatures && in.at.sin) sum = rotated_back(in.at, spot.row, spot.column, sum);
  if (!spot.inside || !kept_row(in.x, spot.head, spot.row)) return 0.0f;
  const float row = in.row ? in.row[spot.head * in.x.count + spot.row] : 1.0f;
  const float column = in.column ? in.column[spot.head * in.columns + spot.column] : 0.0f;
  switch (in.after) {
    case AfterProducts::kLinear: return sum / (row + in.eps);
    case AfterProducts::kMala: return sum * (1 + 1 / (row + in.eps)) - row * column;
    case AfterProducts::kOfFeatures: {
      const float value = in.at.rows[(spot.head * in.at.count + spot.row) * in.at.width + spot.column];
      return (sum + row * column) * feature_slope(value);
    }
    case AfterProducts::kNothing: break;
  }
  return sum + row * column;
}

__global__ void __launch_bounds__(kRowTileThreads) row_products(LinearProducts in) {
  __shared__ Tile<kTileRows> left;
  __shared__ ValueTile right;
  const std::int64_t tiles = blocks_for(in.x.count, kTileRows), depth = in.x.width;
  const Place place = place_of_block(tiles, blocks_for(in.columns, kTileWidth));
  const std::int64_t first_row = place.tile * kTileRows, first_column = place.part * kTileWidth;
  const float* matrix =
      in.matrix + (in.matrix_tile ? place.outer * tiles + place.tile : place.outer) * depth * in.columns;
  float sums[kThreadRows][kThreadWidth] = {};
  for (std::int64_t first = 0; first < depth; first += kRowTileDepth) {
    fill_by_columns(left, [&](int r, int k) { return read(in.x, place.outer, first_row + r, first + k); });
    fill(right, [&](int k, int c) {
      const std::int64_t at = first + k, column = first_column + c;
      if (at >= depth || column >= in.columns) return 0.0f;
      return matrix[in.transposed ? column * depth + at : at * in.columns + column];
    });
    __syncthreads();
    add_products(left, right, sums);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kThreadRows; ++i)
#pragma unroll
    for (int j = 0; j < kThreadWidth; ++j) {
      Spot spot{place.outer, first_row + tile_row(i), first_column + tile_column(j), false};
      spot.inside = spot.row < in.x.count && spot.column < in.columns;
      const float value = after_products(in, spot, sums[i][j]);
      if (!spot.inside) continue;
      float& into = in.out[(place.outer * in.x.count + spot.row) * in.columns + spot.column];
      into = in.add ? into + value : value;
    }
}

}  // namespace

static_assert(kMatrixTile == kTileRows, "a tile of rows meets one matrix");

extern "C" int fovea_cuda_linear_products(const LinearProducts* in, std::int64_t heads, void* stream) {
  const std::int64_t blocks = heads * blocks_for(in->x.count, kTileRows) * blocks_for(in->columns, kTileWidth);
  return FOVEA_LAUNCH(row_products, Grid{blocks}, kRowTileThreads, 0, stream, *in);
}
