// The oracle of neighbourhood attention: dense self-attention under the mask of the window rule.
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "attention/ops/neighbourhood.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention::ops {
namespace {

/// [L, L] bool of one axis: row = query, column = key.
at::Tensor axis_mask(const Axis& axis) {
  at::Tensor mask = at::zeros({axis.length, axis.length}, at::kBool);
  bool* at_row = mask.mutable_data_ptr<bool>();
  for (std::int64_t p = 0; p < axis.length; ++p, at_row += axis.length) {
    const std::int64_t group = p % axis.dilation;
    const Window window = window_of(axis, group, p / axis.dilation);
    for (std::int64_t j = window.begin; j < window.end; ++j) at_row[j * axis.dilation + group] = true;
  }
  return mask;
}

/// [N, N]: a key is in the window when it is on every axis.
at::Tensor grid_mask(const std::vector<Axis>& axes) {
  at::Tensor mask = at::ones({1, 1}, at::kBool);
  for (const Axis& axis : axes) {
    const std::int64_t n = mask.size(0) * axis.length;
    mask = mask.unsqueeze(1).unsqueeze(3).logical_and(axis_mask(axis).unsqueeze(0).unsqueeze(2)).reshape({n, n});
  }
  return mask;
}

}  // namespace

Attended reference_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const Neighbourhood& grid) {
  at::Tensor mask = grid_mask(grid.axes).to(q.device());
  AttentionOptions options;
  options.scale = grid.scale;
  if (!grid.valid.defined()) {
    options.keep = mask.unsqueeze(0).unsqueeze(0);
    return reference_attention(q, k, v, options);
  }
  // What a hole holds may be anything, NaN too, so it is taken out before it can meet a weight of 0.
  const at::Tensor hole = grid.valid.logical_not().unsqueeze(1);
  options.keep = mask.logical_and(grid.valid).logical_and(grid.valid.unsqueeze(1)).unsqueeze(0).unsqueeze(0);
  return reference_attention(q.masked_fill(hole, 0), k.masked_fill(hole, 0), v.masked_fill(hole, 0), options);
}

}  // namespace fovea::attention::ops
