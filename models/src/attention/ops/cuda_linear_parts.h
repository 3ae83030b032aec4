// The pieces of linear attention on a GPU (kernels/linear.h) on tensors: heads are batch and head in one dimension.
#pragma once

#include "attention/kernels/linear.h"
#include "attention/ops/linear.h"

namespace fovea::attention::ops {

/// Rows [heads, count, width] as kernels read them; the tensors that the pointers need stay alive with it.
struct DeviceRows {
  at::Tensor rows, sin, cos, keep, factor;
  bool features = false;
  kernels::LinearRows pointers() const;
  std::int64_t heads() const { return rows.size(0); }
  std::int64_t width() const { return rows.size(2); }
  DeviceRows times(const at::Tensor& row_factor) const;  ///< row_factor [heads, count]
  DeviceRows unrotated() const;
};

/// [B, h, N, d] -> contiguous [B h, N, d].
DeviceRows device_rows(const at::Tensor& x);

/// sum over rows of x^T y, [heads, dx, dy]; times factors [heads], where defined.
at::Tensor outer_sums(const DeviceRows& x, const DeviceRows& y, const at::Tensor& factors = {});
/// One sum a split of `split` rows: [heads, splits, dx, dy].
at::Tensor outer_parts(const DeviceRows& x, const DeviceRows& y, std::int64_t split);
at::Tensor column_sums(const DeviceRows& x, const at::Tensor& factors = {});  ///< [heads, width]
/// Rows times `with` [heads, width] or [heads, count, width] -> [heads, count].
at::Tensor row_dots(const DeviceRows& x, const at::Tensor& with);

/// Products of rows with a matrix a head (or a tile), and what follows: kernels::LinearProducts with tensors.
struct DeviceProducts {
  DeviceRows x;
  at::Tensor matrix;
  bool transposed = false;
  kernels::AfterProducts after = kernels::AfterProducts::kNothing;
  at::Tensor row, column;
  DeviceRows at;
  double eps = 0;
};
at::Tensor row_products(const DeviceProducts& in);  ///< [heads, count, columns]
/// Adds x times the matrix of its tile, [heads, tiles, K, columns], to `out`.
void add_tile_products(const DeviceRows& x, const at::Tensor& matrices, const at::Tensor& out);

}  // namespace fovea::attention::ops
