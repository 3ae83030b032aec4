#include "encoder/folded_norm.h"

#include <ATen/TensorOperators.h>

namespace fovea::models::encoder_detail {

FoldedConvolution folded_convolution(const StateDict& state, const std::string& convolution, const std::string& norm,
                                     double eps) {
  const at::Tensor& given = state.at(convolution + ".weight");
  const auto wide = [&](const std::string& name) { return state.at(name).to(at::kDouble); };
  const at::Tensor scale = wide(norm + ".weight") / (wide(norm + ".running_var") + eps).sqrt();
  const at::Tensor weight = given.to(at::kDouble) * scale.view({-1, 1, 1, 1});
  const at::Tensor bias = wide(norm + ".bias") - wide(norm + ".running_mean") * scale;
  return {weight.to(given.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast), bias.to(given.scalar_type())};
}

void add_batch_norm(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t channels) {
  specs.push_back({name + ".weight", {channels}, Init::kOnes});
  specs.push_back({name + ".bias", {channels}, Init::kZeros});
  specs.push_back({name + ".running_mean", {channels}, Init::kRunningMean});
  specs.push_back({name + ".running_var", {channels}, Init::kRunningVar});
}

}  // namespace fovea::models::encoder_detail
