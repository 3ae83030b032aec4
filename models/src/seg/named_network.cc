#include "seg/named_network.h"

#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/feature_dropout.h>
#include <ATen/ops/relu.h>

#include <fovea/base/error.h>

#include "seg/blocks.h"
#include "seg/layer_plan.h"

namespace fovea::models::seg {
namespace {

std::string sizes_text(const at::Tensor& x, std::int64_t from) {
  std::string text;
  for (std::int64_t axis = from; axis < x.dim(); ++axis) {
    text += (text.empty() ? "" : " x ") + std::to_string(x.size(axis));
  }
  return text;
}

}  // namespace

at::Tensor channel_dropout(const at::Tensor& x, double share, bool training) {
  return training && share > 0 ? at::feature_dropout(x, share, true) : x;
}

NamedNetwork::NamedNetwork(const char* title, std::string_view architecture, const SegConfig& config,
                           std::vector<TensorSpec> specs, const StateDict& state)
    : config_(config), title_(title), specs_(std::move(specs)) {
  config_.architecture = architecture;
  for (const TensorSpec& spec : specs_) {
    const auto found = state.find(spec.name);
    if (found == state.end() || found->second.sizes() != at::IntArrayRef(spec.shape)) {
      throw Error(ErrorCode::kShape, title_, "tensor " + spec.name + " is missing or has another shape",
                  "Pass the state through checked_state first.");
    }
    state_[spec.name] = found->second.detach().clone(at::MemoryFormat::Contiguous);
  }
}

void NamedNetwork::check_input(const SegInput& input, bool training) const {
  const at::Tensor& x = input.x;
  if (input.present.defined() && !input.present.all().item<bool>()) {
    throw Error(ErrorCode::kShape, title_, "the network takes no images with absent channels",
                "Give all " + std::to_string(config_.channels) + " images, or use a network for missing modalities.");
  }
  if (x.dim() != config_.dims + 2 || x.size(0) < 1 || x.size(1) != config_.channels) {
    throw Error(ErrorCode::kShape, title_,
                "the input has shape " + sizes_text(x, 0) + " but the network takes batch x " +
                    std::to_string(config_.channels) + " channels x " + std::to_string(config_.dims) + " spatial sizes",
                "Give the number of images that the model was trained on, on one grid.");
  }
  const std::int64_t divisor = config_.divisor();
  std::int64_t bottom_values = x.size(0);
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) {
    if (x.size(axis) < divisor || x.size(axis) % divisor != 0) {
      throw Error(ErrorCode::kShape, title_,
                  "the input of " + sizes_text(x, 2) + " has a size that does not divide by " + std::to_string(divisor),
                  "Resample or pad it so that every size is a multiple of " + std::to_string(divisor) + ".");
    }
    bottom_values *= x.size(axis) / divisor;
  }
  if (training && bottom_values < 2) {
    throw Error(ErrorCode::kShape, title_, "one value per channel at the deepest level has no variance to normalise by",
                "Train with larger images or a batch of at least 2.");
  }
}

at::Tensor NamedNetwork::conv(const at::Tensor& x, const std::string& name) const {
  return convolve(x, state_.at(name + ".weight"), state_.at(name + ".bias"));
}

at::Tensor NamedNetwork::up(const at::Tensor& x, const std::string& name, std::int64_t stride) const {
  return upsample(x, state_.at(name + ".weight"), state_.at(name + ".bias"), stride);
}

at::Tensor NamedNetwork::norm(const at::Tensor& x, const std::string& name, const Pass& pass) const {
  return normalise(x, state_, name, config_.norm, pass.training);
}

at::Tensor NamedNetwork::block(const at::Tensor& x, const std::string& name, Pass& pass) const {
  const auto drop = [&](const at::Tensor& y) { return channel_dropout(y, config_.dropout, pass.training); };
  const at::Tensor first = drop(at::relu(norm(conv(x, name + ".conv0"), name + ".bn0", pass)));
  const at::Tensor second = norm(conv(first, name + ".conv1"), name + ".bn1", pass);
  if (pass.keep_mid && name == "bottom") pass.output.mid["bottom_in_bn1"] = second;
  return drop(at::relu(second));
}

SegOutput NamedNetwork::forward(const SegInput& input, bool training, bool keep_mid) const {
  check_input(input, training);
  const at::Tensor& x = input.x;
  Pass pass{training, keep_mid, {}};
  std::vector<at::Tensor> skips;
  at::Tensor pyramid = x, h = x;
  for (std::int64_t level = 0; level < levels(); ++level) {
    const std::string name = level + 1 == levels() ? "bottom" : layer_name("enc", level, "");
    if (level > 0) pyramid = average_pool(pyramid);
    if (state_.contains(name + ".pyr.weight")) h = at::cat({at::relu(conv(pyramid, name + ".pyr")), h}, 1);
    h = block(h, name, pass);
    if (level + 1 == levels()) break;
    skips.push_back(h);
    h = max_pool(h);
  }
  const at::Tensor attended = before_decoding(h, pass);
  h = attended;
  pass.output.heads.resize(config_.deep_supervision ? skips.size() : 1);
  for (std::int64_t level = levels() - 2; level >= 0; --level) {
    h = decode(h, skips[static_cast<std::size_t>(level)], attended, level, pass);
    if (static_cast<std::size_t>(level) < pass.output.heads.size()) {
      pass.output.heads[static_cast<std::size_t>(level)] = conv(h, layer_name("head", level, ""));
    }
  }
  if (training) forget_folded();
  return std::move(pass.output);
}

}  // namespace fovea::models::seg
