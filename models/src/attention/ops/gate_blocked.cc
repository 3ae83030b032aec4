#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/mv.h>

#include "attention/ops/gate.h"

namespace fovea::attention::ops {
namespace {

constexpr std::int64_t kBlockVoxels = 4096;  // a block's hidden values stay in the cache

/// [V, C] view of one image of the batch, whatever its memory format; strides are left to the matrix product.
at::Tensor voxels_by_channels(const at::Tensor& image) {
  return image.flatten(1).t();
}

at::Tensor logits_of(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine) {
  at::Tensor from_g = at::addmm(w.bg, g, w.wg.t()), from_x = at::addmm(w.bx, x, w.wx.t());
  const at::Tensor psi = w.wpsi.flatten();
  if (combine == GateCombine::kAdd) return at::mv(from_g.add_(from_x).relu_(), psi).add_(w.bpsi);
  // Concatenation needs no concatenated tensor: psi splits into the part of g and the part of x.
  const std::int64_t half = from_g.size(1);
  return at::mv(from_g.relu_(), psi.slice(0, 0, half)).add_(at::mv(from_x.relu_(), psi.slice(0, half))).add_(w.bpsi);
}

/// Calls `work(first, last)` for blocks of voxels on all threads.
template <class Work>
void for_blocks(std::int64_t voxels, Work work) {
  at::parallel_for(0, (voxels + kBlockVoxels - 1) / kBlockVoxels, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    for (std::int64_t block = begin; block < end; ++block)
      work(block * kBlockVoxels, std::min(voxels, (block + 1) * kBlockVoxels));
  });
}

at::Tensor alpha_like(const at::Tensor& x) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[1] = 1;
  return at::empty(shape, x.options());
}

/// Alpha of one image on the grid of its rows; `out`, where defined, receives the gated rows while they are in the
/// cache.
void gate_image(const at::Tensor& gv, const at::Tensor& xv, const at::Tensor& alpha, const at::Tensor& out,
                const AttentionGateWeights& weights, GateCombine combine) {
  for_blocks(xv.size(0), [&](std::int64_t first, std::int64_t last) {
    const at::Tensor rows = xv.slice(0, first, last), a = alpha.slice(0, first, last);
    a.copy_(logits_of(gv.slice(0, first, last), rows, weights, combine).sigmoid_());
    if (!out.defined()) return;
    at::Tensor target = out.slice(0, first, last);
    at::mul_out(target, rows, a.unsqueeze(1));
  });
}

}  // namespace

Gated blocked_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                   const AttentionGateWeights& weights, GateCombine combine) {
  const at::NoGradGuard no_grad;
  const bool same = theta_x.sizes() == x.sizes();
  // Of a format that flattens: the strides of a transposed x would make a copy of what is to be written.
  Gated gated{at::empty_like(x, x.options(), x.suggest_memory_format()), alpha_like(theta_x)};
  for (std::int64_t image = 0; image < x.size(0); ++image) {
    const at::Tensor out = same ? voxels_by_channels(gated.out[image]) : at::Tensor();
    gate_image(voxels_by_channels(g[image]), voxels_by_channels(theta_x[image]), gated.alpha[image].flatten(), out,
               weights, combine);
  }
  if (same) return gated;
  gated.alpha = resampled(gated.alpha, x.sizes().slice(2));
  at::mul_out(gated.out, x, gated.alpha);
  return gated;
}

}  // namespace fovea::attention::ops
