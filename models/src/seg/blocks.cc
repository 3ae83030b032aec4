#include "seg/blocks.h"

#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool3d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/max_pool3d.h>

namespace fovea::models::seg {
namespace {

std::vector<std::int64_t> each_axis(const at::Tensor& x, std::int64_t value) {
  return std::vector<std::int64_t>(static_cast<std::size_t>(x.dim() - 2), value);
}

}  // namespace

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::convolution(x, weight, bias, each_axis(x, 1), each_axis(x, weight.size(2) / 2), each_axis(x, 1), false,
                         each_axis(x, 0), 1);
}

at::Tensor upsample(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  at::Tensor up =
      at::convolution(x, weight, bias, each_axis(x, 2), each_axis(x, 0), each_axis(x, 1), true, each_axis(x, 0), 1);
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) up = up.narrow(axis, 0, 2 * x.size(axis));
  return up;
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

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d);
}

at::Tensor at_least_two_channels(const at::Tensor& x) {
  if (x.size(1) >= 2) return x;
  std::vector<std::int64_t> padding(static_cast<std::size_t>(2 * (x.dim() - 1)),
                                    0);  // last axis first, (before, after) each
  padding.back() = 1;
  return at::constant_pad_nd(x, padding, 0);
}

Folded fold(const StateDict& state, const std::string& convolution, const std::string& norm, std::int64_t out_dim) {
  const at::Tensor& weight = state.at(convolution + ".weight");
  const at::Tensor& bias = state.at(convolution + ".bias");
  if (norm.empty()) return {channels_last(weight), bias};
  // In double: folding must not cost accuracy against the unfolded network.
  const auto wide = [&](const char* suffix) { return state.at(norm + suffix).to(at::kDouble); };
  const at::Tensor scale = wide(".weight") / (wide(".running_var") + kBatchNormEps).sqrt();
  std::vector<std::int64_t> along(static_cast<std::size_t>(weight.dim()), 1);
  along[static_cast<std::size_t>(out_dim)] = -1;
  const at::Tensor folded = weight.to(at::kDouble) * scale.view(along);
  const at::Tensor shift = (bias.to(at::kDouble) - wide(".running_mean")) * scale + wide(".bias");
  return {channels_last(folded.to(weight.scalar_type())), shift.to(bias.scalar_type())};
}

}  // namespace fovea::models::seg
