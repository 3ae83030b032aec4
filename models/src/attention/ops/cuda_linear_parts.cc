#include "attention/ops/cuda_linear_parts.h"

#include <ATen/ops/empty.h>

#include <fovea/models/attention.h>

#include "attention/kernels/split_sums.h"
#include "attention/ops/cuda_library.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_linear_outer)> outer_kernel{"fovea_cuda_linear_outer"};
const CudaKernel<decltype(fovea_cuda_linear_columns)> columns_kernel{"fovea_cuda_linear_columns"};
const CudaKernel<decltype(fovea_cuda_linear_dots)> dots_kernel{"fovea_cuda_linear_dots"};
const CudaKernel<decltype(fovea_cuda_linear_products)> products_kernel{"fovea_cuda_linear_products"};
const CudaKernel<decltype(fovea_cuda_split_sums)> sums_kernel{"fovea_cuda_split_sums"};

std::int64_t splits_of(const DeviceRows& x, std::int64_t split) {
  return (x.rows.size(1) + split - 1) / split;
}

/// parts [heads, splits, ..] -> [heads, ..]
at::Tensor merged(const at::Tensor& parts, const at::Tensor& factors) {
  const at::Tensor sums = at::empty(parts.select(1, 0).sizes(), parts.options());
  sums_kernel(floats(parts), parts.size(0), parts.size(1), sums.numel() / parts.size(0), floats(factors),
              mutable_floats(sums), current_stream(parts));
  return sums;
}

}  // namespace

kernels::LinearRows DeviceRows::pointers() const {
  if (!rows.defined()) return {};
  return {floats(rows),
          rows.size(1),
          rows.size(2),
          features,
          floats(sin),
          floats(cos),
          keep.defined() ? keep.const_data_ptr<bool>() : nullptr,
          floats(factor)};
}

DeviceRows DeviceRows::times(const at::Tensor& row_factor) const {
  DeviceRows scaled = *this;
  scaled.factor = row_factor.contiguous();
  return scaled;
}

DeviceRows DeviceRows::unrotated() const {
  DeviceRows plain = *this;
  plain.sin = plain.cos = at::Tensor();
  return plain;
}

DeviceRows device_rows(const at::Tensor& x) {
  DeviceRows rows;
  rows.rows = x.contiguous().flatten(0, 1);
  return rows;
}

at::Tensor outer_parts(const DeviceRows& x, const DeviceRows& y, std::int64_t split) {
  const at::Tensor parts = at::empty({x.heads(), splits_of(x, split), x.width(), y.width()}, x.rows.options());
  const kernels::LinearRows left = x.pointers(), right = y.pointers();
  outer_kernel(&left, &right, x.heads(), split, mutable_floats(parts), current_stream(x.rows));
  return parts;
}

at::Tensor outer_sums(const DeviceRows& x, const DeviceRows& y, const at::Tensor& factors) {
  return merged(outer_parts(x, y, kSplit), factors);
}

at::Tensor column_sums(const DeviceRows& x, const at::Tensor& factors) {
  const at::Tensor parts = at::empty({x.heads(), splits_of(x, kSplit), x.width()}, x.rows.options());
  const kernels::LinearRows rows = x.pointers();
  columns_kernel(&rows, x.heads(), kSplit, mutable_floats(parts), current_stream(x.rows));
  return merged(parts, factors);
}

at::Tensor row_dots(const DeviceRows& x, const at::Tensor& with) {
  const at::Tensor dots = at::empty(x.rows.sizes().slice(0, 2), x.rows.options());
  const kernels::LinearRows rows = x.pointers();
  dots_kernel(&rows, floats(with), with.dim() == 3, x.heads(), mutable_floats(dots), current_stream(x.rows));
  return dots;
}

namespace {

kernels::LinearProducts pointers_of(const DeviceProducts& in) {
  kernels::LinearProducts products{};
  products.x = in.x.pointers();
  products.matrix = floats(in.matrix);
  products.transposed = in.transposed;
  products.columns = in.transposed ? in.matrix.size(-2) : in.matrix.size(-1);
  products.after = in.after;
  products.row = floats(in.row), products.column = floats(in.column);
  products.at = in.at.pointers();
  products.eps = static_cast<float>(in.eps);
  return products;
}

}  // namespace

at::Tensor row_products(const DeviceProducts& in) {
  kernels::LinearProducts products = pointers_of(in);
  const at::Tensor out = at::empty({in.x.heads(), in.x.rows.size(1), products.columns}, in.x.rows.options());
  products.out = mutable_floats(out);
  products_kernel(&products, in.x.heads(), current_stream(out));
  return out;
}

void add_tile_products(const DeviceRows& x, const at::Tensor& matrices, const at::Tensor& out) {
  DeviceProducts in;
  in.x = x, in.matrix = matrices;
  kernels::LinearProducts products = pointers_of(in);
  products.matrix_tile = kernels::kMatrixTile, products.add = true, products.out = mutable_floats(out);
  products_kernel(&products, x.heads(), current_stream(out));
}

}  // namespace fovea::attention::ops
