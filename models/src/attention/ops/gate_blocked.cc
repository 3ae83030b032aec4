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

}  // namespace

Gated blocked_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine) {
  const at::NoGradGuard no_grad;
  Gated gated;
  gated.out = at::empty_like(x);
  std::vector<std::int64_t> alpha_shape = x.sizes().vec();
  alpha_shape[1] = 1;
  gated.alpha = at::empty(alpha_shape, x.options());
  for (std::int64_t image = 0; image < x.size(0); ++image) {
    const at::Tensor gv = voxels_by_channels(g[image]), xv = voxels_by_channels(x[image]),
                     out = voxels_by_channels(gated.out[image]);
    const at::Tensor alpha = gated.alpha[image].flatten();
    const std::int64_t voxels = xv.size(0), blocks = (voxels + kBlockVoxels - 1) / kBlockVoxels;
    at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard inner;
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = block * kBlockVoxels, last = std::min(voxels, first + kBlockVoxels);
        at::Tensor rows = xv.slice(0, first, last), target = out.slice(0, first, last), a = alpha.slice(0, first, last);
        a.copy_(logits_of(gv.slice(0, first, last), rows, weights, combine).sigmoid_());
        at::mul_out(target, rows, a.unsqueeze(1));
      }
    });
  }
  return gated;
}

}  // namespace fovea::attention::ops
