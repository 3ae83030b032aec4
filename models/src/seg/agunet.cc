#include "seg/agunet.h"

#include <memory>
#include <mutex>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "seg/blocks.h"

namespace fovea::models::seg {
namespace {

std::string sizes_text(const at::Tensor& x, std::int64_t from) {
  std::string text;
  for (std::int64_t axis = from; axis < x.dim(); ++axis) {
    text += (text.empty() ? "" : " x ") + std::to_string(x.size(axis));
  }
  return text;
}

/// Inference weights: every batch norm folded into the convolution before it.
struct FoldedAgunet {
  struct Block {
    Folded first, second;
  };
  struct Encoder {
    std::optional<Folded> pyramid;
    Block block;
  };
  struct Decoder {
    Folded up;
    std::optional<attention::AttentionGateWeights> gate;
    Block block;
  };
  std::vector<Encoder> encoders;
  Block bottom;
  std::vector<Decoder> decoders;  ///< by level
  Folded head;
};

FoldedAgunet::Block fold_block(const StateDict& state, const std::string& name) {
  return {fold(state, name + ".conv0", name + ".bn0"), fold(state, name + ".conv1", name + ".bn1")};
}

attention::AttentionGateWeights fold_gate(const StateDict& state, const std::string& name) {
  const auto side = [&](const char* which) {
    Folded folded = fold(state, name + which, name + which + "_bn");
    folded.weight = folded.weight.flatten(1).contiguous();  // kernels are 1: [out, in]
    return folded;
  };
  const Folded g = side(".g"), x = side(".x"), psi = side(".psi");
  return {g.weight, g.bias, x.weight, x.bias, psi.weight.flatten(), psi.bias};
}

FoldedAgunet fold_network(const SegConfig& config, const StateDict& state) {
  FoldedAgunet folded;
  const auto levels = static_cast<std::int64_t>(config.filters.size());
  for (std::int64_t level = 0; level < levels - 1; ++level) {
    FoldedAgunet::Encoder encoder{{}, fold_block(state, layer_name("enc", level, ""))};
    if (config.multi_scale && level > 0) encoder.pyramid = fold(state, layer_name("enc", level, ".pyr"), "");
    folded.encoders.push_back(std::move(encoder));
    FoldedAgunet::Decoder decoder{fold(state, layer_name("dec", level, ".up"), layer_name("dec", level, ".up_bn"), 1),
                                  {},
                                  fold_block(state, layer_name("dec", level, ""))};
    if (config.attention) decoder.gate = fold_gate(state, layer_name("dec", level, ".gate"));
    folded.decoders.push_back(std::move(decoder));
  }
  const auto widen = [](Folded& first) { first.weight = channels_last(at_least_two_channels(first.weight)); };
  widen(folded.encoders.front().block.first);
  for (FoldedAgunet::Encoder& encoder : folded.encoders) {
    if (encoder.pyramid) widen(*encoder.pyramid);
  }
  folded.bottom = fold_block(state, "bottom");
  folded.head = fold(state, "head0", "");
  return folded;
}

/// Takes its input by value, so that it is freed as soon as the first convolution has read it.
at::Tensor run_block(at::Tensor x, const FoldedAgunet::Block& block) {
  at::Tensor first = convolve(x, block.first.weight, block.first.bias).relu_();
  x = at::Tensor();
  return convolve(first, block.second.weight, block.second.bias).relu_();
}

at::Tensor run_encoder(std::int64_t level, at::Tensor x, at::Tensor& pyramid, const FoldedAgunet::Encoder& encoder) {
  if (level > 0) pyramid = average_pool(pyramid);
  if (encoder.pyramid) {
    x = at::cat({convolve(pyramid, encoder.pyramid->weight, encoder.pyramid->bias).relu_(), x}, 1);
  }
  return run_block(std::move(x), encoder.block);
}

at::Tensor run_decoder(at::Tensor x, at::Tensor skip, const FoldedAgunet::Decoder& decoder) {
  at::Tensor up = upsample(x, decoder.up.weight, decoder.up.bias).relu_();
  x = at::Tensor();
  if (decoder.gate) {
    skip = attention::attention_gate(up, skip, *decoder.gate, attention::GateCombine::kConcat).out;
  }
  at::Tensor both = at::cat({up, skip}, 1);
  up = at::Tensor();
  skip = at::Tensor();
  return run_block(std::move(both), decoder.block);
}

class Agunet final : public SegNetwork {
 public:
  Agunet(const SegConfig& config, StateDict state) : config_(config), specs_(agunet_specs(config)) {
    config_.architecture = kAgunetName;
    // A copy: the tensors given may be views of a mapped, read-only file, and training writes into its own.
    for (const TensorSpec& spec : specs_) {
      const auto found = state.find(spec.name);
      if (found == state.end() || found->second.sizes() != at::IntArrayRef(spec.shape)) {
        throw Error(ErrorCode::kShape, "AGUNet", "tensor " + spec.name + " is missing or has another shape",
                    "Pass the state through checked_state first.");
      }
      state_[spec.name] = found->second.detach().clone(at::MemoryFormat::Contiguous);
    }
  }

  const SegConfig& config() const override { return config_; }
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  const StateDict& state() const override { return state_; }

  SegOutput forward(const at::Tensor& x, bool training, bool keep_mid) const override;
  at::Tensor infer(const at::Tensor& x) const override;

 private:
  struct Pass {
    bool training, keep_mid;
    SegOutput output;
  };

  std::int64_t levels() const { return static_cast<std::int64_t>(config_.filters.size()); }
  at::Tensor conv(const at::Tensor& x, const std::string& name) const {
    return convolve(x, state_.at(name + ".weight"), state_.at(name + ".bias"));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name, const Pass& pass) const {
    return batch_norm(x, state_, name, pass.training);
  }
  void check_input(const at::Tensor& x, bool training) const;
  at::Tensor block(const at::Tensor& x, const std::string& name, Pass& pass) const;
  at::Tensor gate(const at::Tensor& up, const at::Tensor& skip, std::int64_t level, Pass& pass) const;
  at::Tensor decode(const at::Tensor& x, const at::Tensor& skip, std::int64_t level, Pass& pass) const;
  std::shared_ptr<const FoldedAgunet> folded() const;

  SegConfig config_;
  std::vector<TensorSpec> specs_;
  StateDict state_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const FoldedAgunet> folded_;
  mutable std::uint64_t folded_version_ = 0;
};

void Agunet::check_input(const at::Tensor& x, bool training) const {
  if (x.dim() != config_.dims + 2 || x.size(0) < 1 || x.size(1) != config_.channels) {
    throw Error(ErrorCode::kShape, "AGUNet",
                "the input has shape " + sizes_text(x, 0) + " but the network takes batch x " +
                    std::to_string(config_.channels) + " channels x " + std::to_string(config_.dims) + " spatial sizes",
                "Give the number of images that the model was trained on, on one grid.");
  }
  const std::int64_t divisor = config_.divisor();
  std::int64_t bottom_values = x.size(0);
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) {
    if (x.size(axis) < divisor || x.size(axis) % divisor != 0) {
      throw Error(ErrorCode::kShape, "AGUNet",
                  "the input of " + sizes_text(x, 2) + " has a size that does not divide by " + std::to_string(divisor),
                  "Resample or pad it so that every size is a multiple of " + std::to_string(divisor) + ".");
    }
    bottom_values *= x.size(axis) / divisor;
  }
  if (training && bottom_values < 2) {
    throw Error(ErrorCode::kShape, "AGUNet",
                "one value per channel at the deepest level has no variance to normalise by",
                "Train with larger images or a batch of at least 2.");
  }
}

at::Tensor Agunet::block(const at::Tensor& x, const std::string& name, Pass& pass) const {
  const at::Tensor first = at::relu(norm(conv(x, name + ".conv0"), name + ".bn0", pass));
  const at::Tensor second = norm(conv(first, name + ".conv1"), name + ".bn1", pass);
  if (pass.keep_mid && name == "bottom") pass.output.mid["bottom_in_bn1"] = second;
  return at::relu(second);
}

at::Tensor Agunet::gate(const at::Tensor& up, const at::Tensor& skip, std::int64_t level, Pass& pass) const {
  const std::string name = layer_name("dec", level, ".gate");
  const at::Tensor g = norm(conv(up, name + ".g"), name + ".g_bn", pass);
  const at::Tensor x = norm(conv(skip, name + ".x"), name + ".x_bn", pass);
  const at::Tensor logits = norm(conv(at::relu(at::cat({g, x}, 1)), name + ".psi"), name + ".psi_bn", pass);
  const attention::Gated gated = attention::apply_gate(skip, logits);
  if (pass.keep_mid) {
    pass.output.mid[layer_name("psi", level, "")] = gated.alpha;
    pass.output.mid[layer_name("gated", level, "")] = gated.out;
  }
  return gated.out;
}

at::Tensor Agunet::decode(const at::Tensor& x, const at::Tensor& skip, std::int64_t level, Pass& pass) const {
  const std::string name = layer_name("dec", level, "");
  const at::Tensor raised = upsample(x, state_.at(name + ".up.weight"), state_.at(name + ".up.bias"));
  const at::Tensor up = at::relu(norm(raised, name + ".up_bn", pass));
  return block(at::cat({up, config_.attention ? gate(up, skip, level, pass) : skip}, 1), name, pass);
}

SegOutput Agunet::forward(const at::Tensor& x, bool training, bool keep_mid) const {
  check_input(x, training);
  Pass pass{training, keep_mid, {}};
  std::vector<at::Tensor> skips;
  at::Tensor pyramid = x, h = x;
  for (std::int64_t level = 0; level < levels() - 1; ++level) {
    if (config_.multi_scale && level > 0) {
      pyramid = average_pool(pyramid);
      h = at::cat({at::relu(conv(pyramid, layer_name("enc", level, ".pyr"))), h}, 1);
    }
    skips.push_back(block(h, layer_name("enc", level, ""), pass));
    h = max_pool(skips.back());
  }
  h = block(h, "bottom", pass);
  pass.output.heads.resize(config_.deep_supervision ? skips.size() : 1);
  for (std::int64_t level = levels() - 2; level >= 0; --level) {
    h = decode(h, skips[static_cast<std::size_t>(level)], level, pass);
    if (static_cast<std::size_t>(level) < pass.output.heads.size()) {
      pass.output.heads[static_cast<std::size_t>(level)] = conv(h, layer_name("head", level, ""));
    }
  }
  if (training) {
    // Batch norm moves the running statistics behind the version counters that folded() watches.
    std::lock_guard lock(mutex_);
    folded_.reset();
  }
  return std::move(pass.output);
}

std::shared_ptr<const FoldedAgunet> Agunet::folded() const {
  // Optimisers write into the state; the tensors' version counters tell when the folded copy has become stale.
  std::uint64_t version = 1;
  for (const auto& [name, tensor] : state_) version += static_cast<std::uint64_t>(tensor._version());
  std::lock_guard lock(mutex_);
  if (!folded_ || folded_version_ != version) {
    folded_ = std::make_shared<const FoldedAgunet>(fold_network(config_, state_));
    folded_version_ = version;
  }
  return folded_;
}

at::Tensor Agunet::infer(const at::Tensor& x) const {
  check_input(x, false);
  const at::NoGradGuard no_grad;
  const std::shared_ptr<const FoldedAgunet> weights = folded();
  std::vector<at::Tensor> skips(weights->encoders.size());
  at::Tensor h = channels_last(at_least_two_channels(x)), pyramid = h;
  for (std::size_t level = 0; level < skips.size(); ++level) {
    skips[level] = run_encoder(static_cast<std::int64_t>(level), std::move(h), pyramid, weights->encoders[level]);
    h = max_pool(skips[level]);
  }
  pyramid = at::Tensor();
  h = run_block(std::move(h), weights->bottom);
  for (std::size_t level = skips.size(); level-- > 0;) {
    h = run_decoder(std::move(h), std::move(skips[level]), weights->decoders[level]);
  }
  return at::softmax(convolve(h, weights->head.weight, weights->head.bias), 1).contiguous();
}

}  // namespace

std::unique_ptr<SegNetwork> make_agunet(const SegConfig& config, StateDict state) {
  return std::make_unique<Agunet>(config, std::move(state));
}

}  // namespace fovea::models::seg
