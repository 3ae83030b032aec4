// Attention gates behind attention.h.
#pragma once

#include <fovea/models/attention.h>

namespace fovea::attention::ops {

Gated reference_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights,
                     GateCombine combine);
/// Voxels in blocks: no intermediate of full size but alpha and the result. CPU, no graph.
Gated blocked_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine);
Gated cuda_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine);

}  // namespace fovea::attention::ops
