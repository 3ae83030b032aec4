// Attention gates behind attention.h.
#pragma once

#include <fovea/models/attention.h>

namespace fovea::attention::ops {

/// Linear resampling of the spatial dims (2 or 3) of [B, C, spatial...], align_corners false.
at::Tensor resampled(const at::Tensor& image, at::IntArrayRef spatial);

/// `theta_x` is x at theta's stride: x itself for the same grid.
Gated reference_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                     const AttentionGateWeights& weights, GateCombine combine);
/// Voxels in tiles: no intermediate of full size but alpha and the result. g on theta_x's grid. CPU, no graph.
Gated tiled_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                 const AttentionGateWeights& weights, GateCombine combine);
/// On a GPU: nothing of full size but alpha and the result. g on theta_x's grid. The reference where the library is
/// missing, and for gradients through a coarser alpha.
Gated cuda_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                const AttentionGateWeights& weights, GateCombine combine);

struct GateGradients {
  at::Tensor g, x;
  AttentionGateWeights weights;
};
/// Needs the library (runs_on_cuda); g and x on one grid. upstream.alpha may be undefined.
GateGradients cuda_gate_backward(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights,
                                 GateCombine combine, const Gated& upstream);

}  // namespace fovea::attention::ops
