#include "seg/agunet.h"

#include <memory>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include <fovea/models/attention.h>

#include "seg/blocks.h"
#include "seg/folded.h"
#include "seg/named_network.h"
#include "seg/plane_upsampler.h"
#include "seg/rolling_block.h"

namespace fovea::models::seg {
namespace {

struct FoldedGate {
  Folded g, x, psi;
  std::optional<attention::AttentionGateWeights> fused;  ///< batch norm: one operator
};

struct FoldedAgunet {
  struct Decoder {
    Folded up;
    std::optional<FoldedGate> gate;
    FoldedBlock block;
  };
  FoldedTrunk trunk;
  std::vector<Decoder> decoders;  ///< by level
  Folded head;
};

FoldedGate fold_gate(const StateDict& state, const SegConfig& config, const std::string& name) {
  const auto side = [&](const char* which) { return fold(state, config, name + which, name + which + "_bn"); };
  FoldedGate gate{side(".g"), side(".x"), side(".psi"), {}};
  if (config.norm != SegNorm::kBatch) return gate;
  const auto matrix = [](const Folded& layer) { return layer.weight.flatten(1).contiguous(); };  // kernels are 1
  gate.fused = {matrix(gate.g), gate.g.bias, matrix(gate.x), gate.x.bias, gate.psi.weight.flatten(), gate.psi.bias};
  return gate;
}

at::Tensor run_gate(const at::Tensor& up, const at::Tensor& skip, const FoldedGate& gate) {
  if (gate.fused) return attention::attention_gate(up, skip, *gate.fused, attention::GateCombine::kConcat).out;
  const at::Tensor both = at::cat({run(gate.g, up), run(gate.x, skip)}, 1).relu_();
  return attention::apply_gate(skip, run(gate.psi, both)).out;
}

FoldedAgunet fold_network(const SegConfig& config, const StateDict& state) {
  FoldedAgunet folded{fold_trunk(state, config), {}, fold(state, config, "head0", "")};
  for (std::int64_t level = 0; level + 1 < static_cast<std::int64_t>(config.filters.size()); ++level) {
    const std::string name = layer_name("dec", level, "");
    FoldedAgunet::Decoder decoder{
        fold(state, config, name + ".up", name + ".up_bn", 1), {}, fold_block(state, config, name)};
    if (config.attention) decoder.gate = fold_gate(state, config, name + ".gate");
    folded.decoders.push_back(std::move(decoder));
  }
  return folded;
}

at::Tensor probabilities(const Folded& head, const at::Tensor& x) {
  return at::softmax(run(head, x), 1);
}

/// What run_decoder does, in slabs: neither the raised features nor their concatenation with the skip are ever whole.
at::Tensor roll_decoder(const at::Tensor& x, const at::Tensor& skip, const FoldedAgunet::Decoder& decoder,
                        std::int64_t slab, const Folded* head) {
  const std::int64_t filters = skip.size(1), planes = skip.size(2);
  at::Tensor out = head ? at::empty({1, head->weight.size(0), planes, skip.size(3), skip.size(4)}, skip.options())
                        : planes_like(skip, filters, planes);
  const PlaneUpsampler raised(decoder.up);
  const auto fill = [&](std::int64_t begin, std::int64_t end, const at::Tensor& room) {
    const at::Tensor up = room.narrow(1, 0, filters), part = skip.narrow(2, begin, end - begin);
    raised.relu_planes(x, begin, end, up);
    room.narrow(1, filters, filters).copy_(decoder.gate ? run_gate(up, part, *decoder.gate) : part);
  };
  const auto take = [&](std::int64_t begin, at::Tensor done) {
    const at::Tensor into = out.narrow(2, begin, done.size(2));
    if (head)
      into.copy_(probabilities(*head, done.relu_()));
    else
      relu_into(into, done);
  };
  roll_block(decoder.block, skip, planes, slab, fill, take);
  return out;
}

/// With a head, its probabilities instead of the features.
at::Tensor run_decoder(at::Tensor x, at::Tensor skip, const FoldedAgunet::Decoder& decoder, const Folded* head) {
  if (const auto slab = slab_planes(skip, skip.size(2), decoder.block))
    return roll_decoder(x, skip, decoder, *slab, head);
  at::Tensor up = run_up(decoder.up, x).relu_();
  x = at::Tensor();
  if (decoder.gate) skip = run_gate(up, skip, *decoder.gate);
  at::Tensor both = at::cat({up, skip}, 1);
  up = at::Tensor();
  skip = at::Tensor();
  at::Tensor features = run_block(std::move(both), decoder.block);
  return head ? probabilities(*head, features) : features;
}

class Agunet final : public NamedNetwork {
 public:
  Agunet(const SegConfig& config, const StateDict& state)
      : NamedNetwork("AGUNet", kAgunetName, config, agunet_specs(config), state) {}

  at::Tensor infer(const SegInput& input) const override;

 private:
  at::Tensor decode(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& attended, std::int64_t level,
                    Pass& pass) const override;
  at::Tensor gate(const at::Tensor& raised, const at::Tensor& skip, std::int64_t level, Pass& pass) const;
  void forget_folded() const override { folded_.drop(); }

  mutable FoldedCache<FoldedAgunet> folded_;
};

at::Tensor Agunet::gate(const at::Tensor& raised, const at::Tensor& skip, std::int64_t level, Pass& pass) const {
  const std::string name = layer_name("dec", level, ".gate");
  const at::Tensor g = norm(conv(raised, name + ".g"), name + ".g_bn", pass);
  const at::Tensor x = norm(conv(skip, name + ".x"), name + ".x_bn", pass);
  const at::Tensor logits = norm(conv(at::relu(at::cat({g, x}, 1)), name + ".psi"), name + ".psi_bn", pass);
  const attention::Gated gated = attention::apply_gate(skip, logits);
  if (pass.keep_mid) {
    pass.output.mid[layer_name("psi", level, "")] = gated.alpha;
    pass.output.mid[layer_name("gated", level, "")] = gated.out;
  }
  return gated.out;
}

at::Tensor Agunet::decode(const at::Tensor& x, const at::Tensor& skip, const at::Tensor&, std::int64_t level,
                          Pass& pass) const {
  const std::string name = layer_name("dec", level, "");
  const at::Tensor raised = at::relu(norm(up(x, name + ".up"), name + ".up_bn", pass));
  return block(at::cat({raised, config_.attention ? gate(raised, skip, level, pass) : skip}, 1), name, pass);
}

at::Tensor Agunet::infer(const SegInput& input) const {
  check_input(input, false);
  const at::NoGradGuard no_grad;
  const auto weights = folded_.get(state_, [this] { return fold_network(config_, state_); });
  auto [skips, h] = run_trunk(input.x, weights->trunk);
  for (std::size_t level = skips.size(); level-- > 0;) {
    h = run_decoder(std::move(h), std::move(skips[level]), weights->decoders[level],
                    level == 0 ? &weights->head : nullptr);
  }
  return h.contiguous();
}

}  // namespace

std::unique_ptr<SegNetwork> make_agunet(const SegConfig& config, StateDict state) {
  return std::make_unique<Agunet>(config, state);
}

}  // namespace fovea::models::seg
