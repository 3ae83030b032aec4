// attention_gate: checks, and which path runs.
#include <algorithm>

#include <ATen/core/grad_mode.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/gate.h"

namespace fovea::attention {
namespace {

void check(bool holds, const std::string& problem) {
  if (!holds)
    throw Error(ErrorCode::kShape, "attention gate", problem,
                "Give gate and skip on one grid and weights of their widths.");
}

void check_inputs(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine) {
  check(x.dim() >= 3 && g.dim() == x.dim() && g.size(0) == x.size(0) && g.sizes().slice(2) == x.sizes().slice(2),
        "the gating signal and the skip connection lie on different grids");
  check(w.wg.size(1) == g.size(1) && w.wx.size(1) == x.size(1) && w.wg.size(0) == w.wx.size(0),
        "the weights do not fit the channels");
  check(w.wpsi.numel() == w.wg.size(0) * (combine == GateCombine::kConcat ? 2 : 1),
        "the last weights do not fit the hidden width");
}

bool needs_graph(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w) {
  const at::Tensor* all[] = {&g, &x, &w.wg, &w.bg, &w.wx, &w.bx, &w.wpsi, &w.bpsi};
  return at::GradMode::is_enabled() &&
         std::any_of(std::begin(all), std::end(all), [](const at::Tensor* t) { return t->requires_grad(); });
}

}  // namespace

Gated attention_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine,
                     bool return_alpha) {
  check_inputs(g, x, weights, combine);
  const bool reference = backend() == Backend::kReference || needs_graph(g, x, weights);
  Gated gated = reference    ? ops::reference_gate(g, x, weights, combine)
                : x.is_cpu() ? ops::blocked_gate(g, x, weights, combine)
                             : ops::cuda_gate(g, x, weights, combine);
  if (!return_alpha) gated.alpha = at::Tensor();
  return gated;
}

}  // namespace fovea::attention
