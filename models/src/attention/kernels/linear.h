// Linear attention, MALA and decayed linear attention on CUDA: sums over rows, products with what was summed. The
// operators and their gradients are put together from these (ops/cuda_linear.cc, ops/cuda_decayed.cc). Contiguous
// float32 device memory, row-major. C++17, no tensor library.
#pragma once

#include <cmath>
#include <cstdint>

#include "attention/kernels/pool_math.h"

namespace fovea::attention::kernels {

/// Rows [heads, count, width] and what becomes of a row when it is read, in this order: phi, rotation, factor.
struct LinearRows {
  const float* rows;
  std::int64_t count, width;
  bool features;           ///< phi of the values
  const float *sin, *cos;  ///< [count, width], both null: no rotation
  const bool* keep;        ///< [heads, count], null: all; dropped rows are 0 and unread
  const float* factor;     ///< [heads, count], null: 1
};

/// phi = elu + 1, and its derivative as LibTorch defines it.
FOVEA_HOST_DEVICE inline float feature(float x) {
  return x > 0 ? x + 1 : (x != x ? x : expf(x));
}
FOVEA_HOST_DEVICE inline float feature_slope(float x) {
  return x > 0 ? 1.0f : (x != x ? x : expf(x));
}

/// What follows the products sum_k x_nk S_kc. Rows that x drops give 0.
enum class AfterProducts : int {
  kNothing,     ///< + row_n column_c
  kLinear,      ///< / (row_n + eps)
  kMala,        ///< (1 + 1 / (row_n + eps)) sum - row_n column_c
  kOfFeatures,  ///< gradient of phi(x): rotated back, + row_n column_c, times phi'(at)
};

struct LinearProducts {
  LinearRows x;
  const float* matrix;  ///< [heads, K, columns]; with matrix_tile, one a tile of that many rows: [heads, tiles, ..]
  bool transposed;      ///< stored [columns, K]
  std::int64_t matrix_tile;  ///< 0, or kMatrixTile
  std::int64_t columns;
  AfterProducts after;
  const float* row;     ///< [heads, count]; null: 1
  const float* column;  ///< [heads, columns]; null: 0
  LinearRows at;        ///< kOfFeatures: the rows whose gradient this is, as they were read
  float eps;
  bool add;    ///< to what `out` holds
  float* out;  ///< [heads, count, columns]
};
constexpr std::int64_t kMatrixTile = 64;

/// sum over |i - j| < tile of e^(-slope |i - j|) (q_i . k_j) v_j inside tiles of kMatrixTile tokens.
struct DecayedTiles {
  const float *q, *k, *v;  ///< [heads, count, ..]
  std::int64_t heads, heads_of_slopes, count, width, value_width;
  const float* slopes;  ///< [heads_of_slopes], head h has slope h mod heads_of_slopes
  bool earlier, later;  ///< which j, besides i itself
};

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
/// parts [heads, splits, x width, y width] = sum over the rows of a split of x^T y, splits of `split` rows.
int fovea_cuda_linear_outer(const fovea::attention::kernels::LinearRows* x,
                            const fovea::attention::kernels::LinearRows* y, std::int64_t heads, std::int64_t split,
                            float* parts, void* stream);
/// parts [heads, splits, width]: sums of rows.
int fovea_cuda_linear_columns(const fovea::attention::kernels::LinearRows* x, std::int64_t heads, std::int64_t split,
                              float* parts, void* stream);
/// dots [heads, count]: rows times `with`, [heads, width], or [heads, count, width] when with_rows.
int fovea_cuda_linear_dots(const fovea::attention::kernels::LinearRows* x, const float* with, int with_rows,
                           std::int64_t heads, float* dots, void* stream);
int fovea_cuda_linear_products(const fovea::attention::kernels::LinearProducts* in, std::int64_t heads, void* stream);
/// out [heads, count, value_width].
int fovea_cuda_decayed_tiles(const fovea::attention::kernels::DecayedTiles* in, float* out, void* stream);
/// states [heads, tiles, size], of tiles themselves, become those of all earlier tiles (of all later ones when
/// `reverse`), fading by e^(-slope kMatrixTile) a tile.
int fovea_cuda_decayed_scan(float* states, const float* slopes, std::int64_t heads, std::int64_t heads_of_slopes,
                            std::int64_t tiles, std::int64_t size, int reverse, void* stream);
}
