// Position and channel attention: checks, and which path runs.
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/dual.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"

namespace fovea::attention {
namespace {

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "dual attention", problem, remedy);
}

void check_pairs(const at::Tensor& q, const at::Tensor& k) {
  if (q.dim() != 3 || k.dim() != 3 || q.size(0) != k.size(0) || q.size(2) != k.size(2))
    bad("queries and keys disagree in batch or width", "Give [batch, voxel, channel] with one number of channels.");
  if (q.numel() == 0 || k.numel() == 0) bad("there is no voxel", "Check the crop.");
}

void check_image(const at::Tensor& x) {
  if (x.dim() < 3) bad("the image is not [batch, channel, spatial...]", "Give at least one spatial dimension.");
  if (x.numel() == 0) bad("there is no voxel", "Check the crop.");
}

void check_gamma(const at::Tensor& gamma) {
  if (gamma.numel() != 1) bad("gamma is not one value", "Give a tensor of one element.");
}

}  // namespace

at::Tensor position_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  check_pairs(q, k);
  if (v.dim() != 3 || v.size(0) != k.size(0) || v.size(1) != k.size(1) || v.size(2) == 0)
    bad("keys and values disagree in number", "Give one value a key.");
  if (ops::by_definition({q, k, v})) return ops::reference_position(q, k, v);
  return q.is_cpu() ? ops::tiled_position(q, k, v) : ops::cuda_position(q, k, v).out;
}

at::Tensor position_weights(const at::Tensor& q, const at::Tensor& k) {
  check_pairs(q, k);
  return ops::reference_position_weights(q, k);
}

at::Tensor projected_voxels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check_image(x);
  if (weight.dim() != 2 || weight.size(1) != x.size(1) || (bias.defined() && bias.numel() != weight.size(0)))
    bad("the weights do not fit the " + std::to_string(x.size(1)) + " channels", "Give weights [out, channels].");
  const at::Tensor rows = x.flatten(2).transpose(1, 2);
  return bias.defined() ? at::linear(rows, weight, bias) : at::linear(rows, weight);
}

at::Tensor ops::run_dual_position(const at::Tensor& x, const PositionWeights& w) {
  check_image(x), check_gamma(w.gamma);
  if (w.wv.size(0) != x.size(1))
    bad("the values are not as wide as the image", "The value projection has to keep the channels.");
  const at::Tensor attended = position_attention(projected_voxels(x, w.wq, w.bq), projected_voxels(x, w.wk, w.bk),
                                                 projected_voxels(x, w.wv, w.bv));
  return w.gamma.reshape({}) * attended.transpose(1, 2).reshape(x.sizes()) + x;
}

ChannelForm parse_channel_form(std::string_view name) {
  if (name == "inverted" || name == "danet") return ChannelForm::kInverted;
  if (name == "direct") return ChannelForm::kDirect;
  throw Error(ErrorCode::kUsage, "channel attention", "there is no form '" + std::string(name) + "'",
              "Choose inverted, danet or direct.");
}

at::Tensor channel_weights(const at::Tensor& x, ChannelForm form) {
  check_image(x);
  const at::Tensor channels = x.flatten(2);
  if (ops::by_definition({x})) return ops::weights_of_energy(ops::reference_energy(channels), form);
  if (!x.is_cpu()) return ops::weights_of_energy(ops::cuda_energy(channels), form);
  return ops::weights_of_energy(ops::split_energy(channels), form).to(x.scalar_type());
}

at::Tensor ops::run_dual_channel(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form) {
  check_image(x), check_gamma(gamma);
  const at::Tensor channels = x.flatten(2), factor = gamma.reshape({}), weights = channel_weights(x, form);
  const auto apply = ops::by_definition({x, gamma}) ? ops::reference_channel
                     : x.is_cpu()                   ? ops::blocked_channel
                                                    : ops::cuda_channel;
  return apply(channels, weights, factor, form).view(x.sizes());
}

}  // namespace fovea::attention
