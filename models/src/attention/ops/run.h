// The operators below registration: checks, and which path runs. Each is differentiable when a graph is recorded and
// takes the native path otherwise; the functions of the public headers reach these through LibTorch's dispatcher.
#pragma once

#include <vector>

#include <fovea/models/attention.h>
#include <fovea/models/linear_attention.h>
#include <fovea/models/self_attention.h>
#include <fovea/models/softmax_state.h>
#include <fovea/models/sparse_attention.h>
#include <fovea/models/volume_attention.h>

namespace fovea::attention::ops {

Pooled run_score_pool(const at::Tensor& scores, const at::Tensor& x);
Pooled run_gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep,
                      double fill);
Merged run_merge(const at::Tensor& outs, const at::Tensor& lses);
QueryPooled run_query_pool(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights,
                           std::int64_t heads, const c10::optional<at::Tensor>& keep);

Attended run_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& options);
Attended run_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<std::int64_t>& shape, const NeighbourhoodOptions& options);
Attended run_block_sparse(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& blocks,
                          std::int64_t block, c10::optional<double> scale);
Rectified run_rectified(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RectifiedOptions& options);

at::Tensor run_linear(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const c10::optional<at::Tensor>& keep, double eps);
Mala run_mala(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::optional<at::Tensor>& keep,
              const Rotation& rotation, double eps);
at::Tensor run_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                       Decay decay, std::int64_t tile);

/// Alpha always comes along.
Gated run_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine,
               const GateGrid& grid);
at::Tensor run_dual_position(const at::Tensor& x, const PositionWeights& weights);
at::Tensor run_dual_channel(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form);
FusedModalities run_modality(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                             const ModalityWeights& weights);

}  // namespace fovea::attention::ops
