// Channel attention on a GPU, forward and backward (attention.md 3.8), on LibTorch's current stream.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/channel.h"
#include "attention/kernels/split_sums.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/dual.h"
#include "attention/ops/kernel_graph.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_channel_gram)> gram_kernel{"fovea_cuda_channel_gram"};
const CudaKernel<decltype(fovea_cuda_channel_mix)> mix_kernel{"fovea_cuda_channel_mix"};
const CudaKernel<decltype(fovea_cuda_split_sums)> merge_kernel{"fovea_cuda_split_sums"};

kernels::ChannelImages sizes_of(const at::Tensor& x) {
  return {x.size(0), x.size(1), x.size(2)};
}

/// x y^T over the voxels of contiguous [B, C, V].
at::Tensor gram(const at::Tensor& x, const at::Tensor& y) {
  const kernels::ChannelImages sizes = sizes_of(x);
  const std::int64_t splits = (sizes.voxels + kernels::kGramSplit - 1) / kernels::kGramSplit;
  const at::Tensor parts = at::empty({sizes.images, splits, sizes.channels, sizes.channels}, x.options());
  const at::Tensor sums = at::empty({sizes.images, sizes.channels, sizes.channels}, x.options());
  gram_kernel(&sizes, floats(x), floats(y), mutable_floats(parts), current_stream(x));
  merge_kernel(floats(parts), sizes.images, splits, sizes.channels * sizes.channels, nullptr, mutable_floats(sums),
               current_stream(x));
  return sums;
}

at::Tensor mixed(const at::Tensor& weights, const at::Tensor& x, const at::Tensor& plus) {
  const kernels::ChannelImages sizes = sizes_of(x);
  const at::Tensor out = at::empty(x.sizes(), x.options()), rows = weights.contiguous();
  mix_kernel(&sizes, floats(rows), floats(x), floats(plus), mutable_floats(out), current_stream(x));
  return out;
}

at::Tensor as_applied(const at::Tensor& weights, ChannelForm form) {
  return form == ChannelForm::kDirect ? weights.transpose(1, 2) : weights;
}

}  // namespace

at::Tensor cuda_energy(const at::Tensor& channels) {
  if (!runs_on_cuda({channels})) return reference_energy(channels);
  if (needs_graph({channels}))
    return with_graph({channels}, [&]() -> KernelRun {
      return {{cuda_energy(channels)}, [channels](const std::vector<at::Tensor>& upstream) {
                return std::vector<at::Tensor>{cuda_energy_backward(channels, upstream[0])};
              }};
    })[0];
  const c10::DeviceGuard guard(channels.device());
  const at::Tensor x = channels.contiguous();
  return gram(x, x);
}

at::Tensor cuda_energy_backward(const at::Tensor& channels, const at::Tensor& grad_energy) {
  const c10::DeviceGuard guard(channels.device());
  return mixed(grad_energy + grad_energy.transpose(1, 2), channels.contiguous(), {});
}

at::Tensor cuda_channel(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                        ChannelForm form) {
  if (!runs_on_cuda({channels, weights, gamma})) return reference_channel(channels, weights, gamma, form);
  if (needs_graph({channels, weights, gamma}))
    return with_graph({channels, weights, gamma}, [&]() -> KernelRun {
      return {{cuda_channel(channels, weights, gamma, form)}, [=](const std::vector<at::Tensor>& upstream) {
                const ChannelGradients d = cuda_channel_backward(channels, weights, gamma, form, upstream[0]);
                return std::vector<at::Tensor>{d.channels, d.weights, d.gamma};
              }};
    })[0];
  const c10::DeviceGuard guard(channels.device());
  const at::Tensor x = channels.contiguous();
  return mixed(as_applied(weights, form) * gamma, x, x);
}

ChannelGradients cuda_channel_backward(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                                       ChannelForm form, const at::Tensor& grad_out) {
  const c10::DeviceGuard guard(channels.device());
  const at::Tensor x = channels.contiguous(), up = grad_out.contiguous(), applied = as_applied(weights, form);
  const at::Tensor of_applied = gram(up, x);
  return {mixed(applied.transpose(1, 2) * gamma, up, up), as_applied(of_applied, form) * gamma,
          (applied * of_applied).sum().view(gamma.sizes())};
}

}  // namespace fovea::attention::ops
