// Block-sparse and position attention on a GPU, on LibTorch's current stream.
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/block_attention.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/dual.h"
#include "attention/ops/path.h"
#include "attention/ops/sparse.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_block_attention)> forward_kernel{"fovea_cuda_block_attention"};
const CudaKernel<decltype(fovea_cuda_block_attention_backward)> backward_kernel{"fovea_cuda_block_attention_backward"};

Attended launched(const AttendTensors& in, const kernels::BlockPairs& pairs, double scale) {
  const c10::DeviceGuard guard(in.q.device());
  const kernels::Attend attend = attend_of(in, scale);
  const at::IntArrayRef rows = in.q.sizes().slice(0, static_cast<std::size_t>(in.q.dim() - 1));
  std::vector<std::int64_t> out = rows.vec();
  out.push_back(in.v.size(-1));
  Attended result{at::empty(out, in.v.options()), at::empty(rows, in.q.options())};
  forward_kernel(&pairs, &attend, mutable_floats(result.out), mutable_floats(result.lse), current_stream(in.q));
  return result;
}

AttendTensors launched_backward(const AttendTensors& in, const kernels::BlockPairs& pairs, double scale,
                                const Attended& forward, const Attended& upstream) {
  const c10::DeviceGuard guard(in.q.device());
  const kernels::Attend attend = attend_of(in, scale);
  const AttendBackwardTensors tensors(in, forward, upstream);
  const kernels::AttendGradients pointers = tensors.pointers();
  backward_kernel(&pairs, &attend, &pointers, current_stream(in.q));
  return tensors.gradients();
}

kernels::BlockPairs all_pairs(const AttendTensors& in) {
  return {in.q.size(0), 1, 1, in.q.size(1), in.k.size(1), 0, nullptr, 0, 0};
}

/// `mask` is what the pairs point into.
kernels::BlockPairs kept_pairs(const SparseInputs& in, const at::Tensor& mask) {
  const auto stride = [&](std::int64_t dim) { return mask.size(dim) > 1 ? mask.stride(dim) : 0; };
  return {in.q.size(0), in.q.size(1), in.k.size(1), in.q.size(2), in.k.size(2), in.block, mask.const_data_ptr<bool>(),
          stride(0),    stride(1)};
}

}  // namespace

Attended cuda_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  if (!runs_on_cuda({q, k, v})) return {reference_position(q, k, v), {}};
  if (needs_graph({q, k, v}))
    return attended_with_graph(
        {q, k, v}, [&] { return cuda_position(q, k, v); },
        [=](const Attended& forward, const Attended& upstream) {
          return cuda_position_backward({q, k, v}, forward, upstream);
        });
  const AttendTensors in = contiguous({q, k, v});
  return launched(in, all_pairs(in), 1);
}

AttendTensors cuda_position_backward(const AttendTensors& inputs, const Attended& forward, const Attended& upstream) {
  const AttendTensors in = contiguous(inputs);
  return launched_backward(in, all_pairs(in), 1, forward, upstream);
}

Attended cuda_block_sparse(const SparseInputs& in) {
  if (!runs_on_cuda({in.q, in.k, in.v})) return graph_block_sparse(in);
  if (needs_graph({in.q, in.k, in.v}))
    return attended_with_graph(
        {in.q, in.k, in.v}, [&] { return cuda_block_sparse(in); },
        [=](const Attended& forward, const Attended& upstream) {
          return cuda_block_sparse_backward(in, forward, upstream);
        });
  const at::Tensor mask = in.blocks.to(in.q.device()).contiguous();
  return launched(contiguous({in.q, in.k, in.v}), kept_pairs(in, mask), in.scale);
}

AttendTensors cuda_block_sparse_backward(const SparseInputs& in, const Attended& forward, const Attended& upstream) {
  const at::Tensor mask = in.blocks.to(in.q.device()).contiguous();
  return launched_backward(contiguous({in.q, in.k, in.v}), kept_pairs(in, mask), in.scale, forward, upstream);
}

}  // namespace fovea::attention::ops
