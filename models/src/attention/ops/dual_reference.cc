// The oracle of dual attention: attention.md 3.8 as it stands, differentiable through autograd.
#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <fovea/models/attention.h>

#include "attention/ops/dual.h"

namespace fovea::attention::ops {

at::Tensor reference_position_weights(const at::Tensor& q, const at::Tensor& k) {
  const at::Tensor scores = at::matmul(q, k.transpose(1, 2));
  return weights_of(scores.flatten(0, 1)).reshape(scores.sizes());
}

at::Tensor reference_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::matmul(reference_position_weights(q, k), v);
}

at::Tensor weights_of_energy(const at::Tensor& energy, ChannelForm form) {
  if (form == ChannelForm::kDirect) return at::softmax(energy, 2);
  // A softmax ignores what is common to its row, so the maximum needs no gradient.
  return at::softmax(at::amax(energy.detach(), {2}, true) - energy, 2);
}

at::Tensor reference_energy(const at::Tensor& channels) {
  return at::matmul(channels, channels.transpose(1, 2));
}

at::Tensor reference_channel(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                             ChannelForm form) {
  const at::Tensor applied = form == ChannelForm::kDirect ? weights.transpose(1, 2) : weights;
  return gamma * at::matmul(applied, channels) + channels;
}

}  // namespace fovea::attention::ops
