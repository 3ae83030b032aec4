// Tensors of attention over a pattern of pairs as its CUDA kernels take them (kernels/attend.h).
#pragma once

#include <functional>

#include <fovea/models/self_attention.h>

#include "attention/kernels/attend.h"

namespace fovea::attention::ops {

/// Queries, keys and values, or their gradients.
struct AttendTensors {
  at::Tensor q, k, v;
};

AttendTensors contiguous(const AttendTensors& in);
/// Of contiguous tensors whose last dimension is the channel.
kernels::Attend attend_of(const AttendTensors& in, double scale);

/// What a backward launch reads and writes; holds its workspace.
class AttendBackwardTensors {
 public:
  /// upstream.lse may be undefined: no gradient arrives there.
  AttendBackwardTensors(const AttendTensors& in, const Attended& forward, const Attended& upstream);
  kernels::AttendGradients pointers() const;
  const AttendTensors& gradients() const { return gradients_; }

 private:
  Attended forward_, upstream_;
  at::Tensor delta_;
  AttendTensors gradients_;
};

/// What `forward` gives, with a graph of q, k and v that `backward` differentiates. Attended::lse may be any second
/// result.
Attended attended_with_graph(
    const AttendTensors& in, const std::function<Attended()>& forward,
    const std::function<AttendTensors(const Attended& forward, const Attended& upstream)>& backward);

}  // namespace fovea::attention::ops
