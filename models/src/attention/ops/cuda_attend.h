// Tensors of attention over a pattern of pairs as its CUDA kernels take them (kernels/attend.h).
#pragma once

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

}  // namespace fovea::attention::ops
