// Position and channel attention behind volume_attention.h.
#pragma once

#include <fovea/models/volume_attention.h>

#include "attention/ops/cuda_attend.h"

namespace fovea::attention::ops {

at::Tensor reference_position_weights(const at::Tensor& q, const at::Tensor& k);  ///< [B, N, M]
at::Tensor reference_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
/// Running softmax over tiles of keys, tiles of queries on all threads. CPU, no graph.
at::Tensor tiled_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
/// On a GPU: tiles with a running softmax, in both directions. Where the library is missing, the reference without lse.
Attended cuda_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);  ///< lse [B, N]
/// Needs the library (runs_on_cuda). `forward` is what cuda_position gave.
AttendTensors cuda_position_backward(const AttendTensors& in, const Attended& forward, const Attended& upstream);

/// A [B, C, C] from an energy [B, C, C].
at::Tensor weights_of_energy(const at::Tensor& energy, ChannelForm form);
/// Both on channels [B, C, V].
at::Tensor reference_energy(const at::Tensor& channels);
at::Tensor reference_channel(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                             ChannelForm form);
at::Tensor split_energy(const at::Tensor& channels);  ///< in double. CPU, no graph
/// Blocks of voxels: nothing of x's size but the result. CPU, no graph.
at::Tensor blocked_channel(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                           ChannelForm form);

/// On a GPU; the reference where the library is missing. E from splits merged in index order.
at::Tensor cuda_energy(const at::Tensor& channels);
at::Tensor cuda_channel(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                        ChannelForm form);
struct ChannelGradients {
  at::Tensor channels, weights, gamma;
};
/// Need the library (runs_on_cuda).
at::Tensor cuda_energy_backward(const at::Tensor& channels, const at::Tensor& grad_energy);
ChannelGradients cuda_channel_backward(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                                       ChannelForm form, const at::Tensor& grad_out);

}  // namespace fovea::attention::ops
