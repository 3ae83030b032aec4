#include "seg/blocks.h"

#include <numeric>
#include <vector>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool3d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/max_pool3d.h>
#include <ATen/ops/mkldnn_convolution.h>

namespace fovea::models::seg {
namespace {

std::vector<std::int64_t> each_axis(const at::Tensor& x, std::int64_t value) {
  return std::vector<std::int64_t>(static_cast<std::size_t>(x.dim() - 2), value);
}

}  // namespace

std::int64_t norm_groups(SegNorm norm, std::int64_t channels) {
  return norm == SegNorm::kInstance ? channels : std::gcd(kNormGroups, channels);
}

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::convolution(x, weight, bias, each_axis(x, 1), each_axis(x, weight.size(2) / 2), each_axis(x, 1), false,
                         each_axis(x, 0), 1);
}

at::Tensor convolve_planes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           at::IntArrayRef padding) {
  const auto ones = each_axis(x, 1);
  const auto& context = at::globalContext();
  if (context.hasMKLDNN() && context.userEnabledMkldnn() && x.is_cpu() && x.scalar_type() == at::kFloat)
    return at::mkldnn_convolution(x, weight, bias, padding, ones, ones, 1);
  return at::convolution(x, weight, bias, ones, padding, ones, false, each_axis(x, 0), 1);
}

at::Tensor upsample(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t stride) {
  const bool cropped = stride == 2;
  // Cropping keeps the bias that the convolution adds in passing; an extension needs it added behind.
  at::Tensor up = at::convolution(x, weight, cropped ? c10::optional<at::Tensor>(bias) : c10::nullopt,
                                  each_axis(x, stride), each_axis(x, 0), each_axis(x, 1), true, each_axis(x, 0), 1);
  if (cropped) {
    for (std::int64_t axis = 2; axis < x.dim(); ++axis) up = up.narrow(axis, 0, 2 * x.size(axis));
    return up;
  }
  std::vector<std::int64_t> padding;  // last axis first, (before, after) each
  for (std::int64_t axis = x.dim() - 1; axis >= 2; --axis) {
    padding.push_back(0);
    padding.push_back(stride * x.size(axis) - up.size(axis));
  }
  std::vector<std::int64_t> along(static_cast<std::size_t>(x.dim()), 1);
  along[1] = -1;
  return at::constant_pad_nd(up, padding, 0) + bias.view(along);
}

at::Tensor max_pool(const at::Tensor& x) {
  return x.dim() == 4 ? at::max_pool2d(x, {2, 2}, {2, 2}) : at::max_pool3d(x, {2, 2, 2}, {2, 2, 2});
}

at::Tensor average_pool(const at::Tensor& x) {
  return x.dim() == 4 ? at::avg_pool2d(x, {2, 2}, {2, 2}) : at::avg_pool3d(x, {2, 2, 2}, {2, 2, 2});
}

at::Tensor batch_norm(const at::Tensor& x, const StateDict& state, const std::string& name, bool training) {
  return at::batch_norm(x, state.at(name + ".weight"), state.at(name + ".bias"), state.at(name + ".running_mean"),
                        state.at(name + ".running_var"), training, kBatchNormMomentum, kBatchNormEps, false);
}

at::Tensor normalise(const at::Tensor& x, const StateDict& state, const std::string& name, SegNorm norm,
                     bool training) {
  if (norm == SegNorm::kBatch) return batch_norm(x, state, name, training);
  return at::group_norm(x, norm_groups(norm, x.size(1)), state.at(name + ".weight"), state.at(name + ".bias"),
                        kBatchNormEps, false);
}

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d);
}

at::Tensor planes_like(const at::Tensor& x, std::int64_t channels, std::int64_t planes) {
  return at::empty({1, channels, planes, x.size(3), x.size(4)},
                   x.options().memory_format(at::MemoryFormat::ChannelsLast3d));
}

void relu_into(at::Tensor out, const at::Tensor& values) {
  at::clamp_min_out(out, values, 0);
}

at::Tensor at_least_two_channels(const at::Tensor& x) {
  if (x.size(1) >= 2) return x;
  std::vector<std::int64_t> padding(static_cast<std::size_t>(2 * (x.dim() - 1)),
                                    0);  // last axis first, (before, after) each
  padding.back() = 1;
  return at::constant_pad_nd(x, padding, 0);
}

}  // namespace fovea::models::seg

namespace fovea::models {

at::Tensor transposed_same(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t stride) {
  return seg::upsample(x, weight, bias, stride);
}

}  // namespace fovea::models
