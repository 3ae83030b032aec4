// attention_gate: checks, and which path runs.
#include <functional>
#include <string>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/gate.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"

namespace fovea::attention {
namespace {

void check(bool holds, const std::string& problem) {
  if (!holds)
    throw Error(ErrorCode::kShape, "attention gate", problem,
                "Give gate and skip on one grid and weights of their widths.");
}

/// x as theta's strided convolution sees it: a view.
at::Tensor at_theta_stride(const at::Tensor& x, const std::vector<std::int64_t>& stride) {
  const auto axes = static_cast<std::size_t>(x.dim() - 2);
  check(stride.size() <= 1 || stride.size() == axes, "there is not one stride a spatial axis");
  at::Tensor view = x;
  for (std::size_t axis = 0; axis < axes && !stride.empty(); ++axis) {
    const std::int64_t step = stride[stride.size() == 1 ? 0 : axis];
    check(step >= 1, "a stride is below 1");
    if (step > 1) view = view.slice(static_cast<std::int64_t>(axis) + 2, c10::nullopt, c10::nullopt, step);
  }
  return view;
}

bool coarser(at::IntArrayRef grid, at::IntArrayRef than) {
  return std::equal(grid.begin(), grid.end(), than.begin(), than.end(), std::less_equal<>());
}

void check_inputs(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine) {
  check(x.dim() >= 3 && g.dim() == x.dim() && g.size(0) == x.size(0),
        "the gating signal and the skip connection lie on different grids");
  check(x.numel() > 0 && g.numel() > 0, "there is no voxel");
  check(w.wg.size(1) == g.size(1) && w.wx.size(1) == x.size(1) && w.wg.size(0) == w.wx.size(0),
        "the weights do not fit the channels");
  check(w.wpsi.numel() == w.wg.size(0) * (combine == GateCombine::kConcat ? 2 : 1),
        "the last weights do not fit the hidden width");
}

}  // namespace

Gated ops::run_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine,
                    const GateGrid& grid) {
  check_inputs(g, x, weights, combine);
  const at::Tensor theta_x = at_theta_stride(x, grid.theta_stride);
  const at::IntArrayRef theta_grid = theta_x.sizes().slice(2), g_grid = g.sizes().slice(2);
  const bool aligned = g_grid == theta_grid;
  check(aligned || (grid.upsample_g && coarser(g_grid, theta_grid)),
        "the gating signal and the skip connection lie on different grids");
  const bool plain =
      ops::by_definition({x, g, weights.wg, weights.bg, weights.wx, weights.bx, weights.wpsi, weights.bpsi}) ||
      !aligned;
  if (plain) return ops::reference_gate(g, x, theta_x, weights, combine);
  return x.is_cpu() ? ops::tiled_gate(g, x, theta_x, weights, combine)
                    : ops::cuda_gate(g, x, theta_x, weights, combine);
}

}  // namespace fovea::attention
