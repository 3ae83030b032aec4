#include "attention/ops/cuda_attend.h"

#include <ATen/ops/empty_like.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/kernel_graph.h"

namespace fovea::attention::ops {
namespace {

Attended contiguous(const Attended& attended) {
  return {attended.out.contiguous(), attended.lse.defined() ? attended.lse.contiguous() : attended.lse};
}

}  // namespace

AttendTensors contiguous(const AttendTensors& in) {
  return {in.q.contiguous(), in.k.contiguous(), in.v.contiguous()};
}

kernels::Attend attend_of(const AttendTensors& in, double scale) {
  return {floats(in.q), floats(in.k), floats(in.v), in.q.size(-1), in.v.size(-1), static_cast<float>(scale)};
}

AttendBackwardTensors::AttendBackwardTensors(const AttendTensors& in, const Attended& forward, const Attended& upstream)
    : forward_(contiguous(forward)),
      upstream_(contiguous(upstream)),
      delta_(at::empty_like(forward_.lse)),
      gradients_{at::empty_like(in.q), at::empty_like(in.k), at::empty_like(in.v)} {}

kernels::AttendGradients AttendBackwardTensors::pointers() const {
  return {floats(forward_.out),         floats(forward_.lse),        floats(upstream_.out),
          floats(upstream_.lse),        mutable_floats(delta_),      mutable_floats(gradients_.q),
          mutable_floats(gradients_.k), mutable_floats(gradients_.v)};
}

Attended attended_with_graph(
    const AttendTensors& in, const std::function<Attended()>& forward,
    const std::function<AttendTensors(const Attended& forward, const Attended& upstream)>& backward) {
  const std::vector<at::Tensor> results = with_graph({in.q, in.k, in.v}, [&]() -> KernelRun {
    const Attended done = forward(), kept{done.out.detach(), done.lse.detach()};
    return {{done.out, done.lse}, [kept, backward](const std::vector<at::Tensor>& upstream) {
              const AttendTensors gradients = backward(kept, {upstream[0], upstream[1]});
              return std::vector<at::Tensor>{gradients.q, gradients.k, gradients.v};
            }};
  });
  return {results[0], results[1]};
}

}  // namespace fovea::attention::ops
