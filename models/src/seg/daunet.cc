#include "seg/daunet.h"

#include <array>
#include <memory>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include <fovea/models/volume_attention.h>

#include "seg/blocks.h"
#include "seg/folded.h"
#include "seg/named_network.h"

namespace fovea::models::seg {
namespace {

/// Files name the projections b, c and d: keys, queries and values.
attention::PositionWeights position_weights_of(const StateDict& state) {
  const auto matrix = [&](const char* name) { return state.at(name).flatten(1); };
  return {matrix("pam.c.weight"), {}, matrix("pam.b.weight"), {}, matrix("pam.d.weight"), {}, state.at("pam.gamma")};
}

at::Tensor position(const at::Tensor& x, const StateDict& state) {
  return attention::dual_position(x, position_weights_of(state));
}
at::Tensor channel(const at::Tensor& x, const StateDict& state) {
  return attention::dual_channel(x, state.at("cam.gamma"), attention::ChannelForm::kDirect);
}

/// The guide of decoder level l comes from the bottom in one step.
std::int64_t guide_stride(std::int64_t levels, std::int64_t level) {
  return std::int64_t{1} << (levels - 1 - level);
}

/// The norm behind the concatenation, dealt out: into the transposed convolutions, and onto the skip as it is.
struct FoldedDecoder {
  std::optional<Folded> guide;
  Folded up;
  at::Tensor scale, shift;  ///< of the skip; undefined when the norm stays a step of its own
  Folded joined;            ///< that norm: gamma and beta only
  FoldedBlock block;
};

struct FoldedDaunet {
  FoldedTrunk trunk;
  struct Post {
    Folded first, second;
  };
  Post pam, cam;
  Folded fuse;
  std::vector<FoldedDecoder> decoders;  ///< by level
  Folded head;
};

FoldedDaunet::Post fold_post(const StateDict& state, const SegConfig& config, const std::string& name) {
  return {fold(state, config, name + ".post.conv0", name + ".post.bn0"), fold(state, config, name + ".post.conv1", "")};
}

at::Tensor per_channel(const at::Tensor& values, int dims, at::ScalarType type) {
  std::vector<std::int64_t> along(static_cast<std::size_t>(dims) + 2, 1);
  along[1] = -1;
  return values.to(type).view(along);
}

FoldedDecoder fold_decoder(const StateDict& state, const SegConfig& config, std::int64_t level) {
  const std::string name = layer_name("dec", level, "");
  const std::int64_t filters = config.filters[static_cast<std::size_t>(level)];
  FoldedDecoder decoder;
  decoder.block = fold_block(state, config, name);
  if (config.norm != SegNorm::kBatch) {
    if (config.guided) decoder.guide = fold(state, config, name + ".guide", "", 1);
    decoder.up = fold(state, config, name + ".up", "", 1);
    decoder.joined = {{}, {}, state.at(name + ".cat_bn.weight"), state.at(name + ".cat_bn.bias"), config.norm};
    return decoder;
  }
  const Affine affine = affine_of(state, name + ".cat_bn");
  std::int64_t begin = 0;
  const auto next = [&] { return affine.channels(std::exchange(begin, begin + filters), filters); };
  if (config.guided) decoder.guide = fold(state, name + ".guide", next(), 1);
  const Affine skip = next();
  const at::ScalarType type = state.at(name + ".up.bias").scalar_type();
  decoder.scale = per_channel(skip.scale, config.dims, type),
  decoder.shift = per_channel(skip.shift, config.dims, type);
  decoder.up = fold(state, name + ".up", next(), 1);
  return decoder;
}

FoldedDaunet fold_network(const SegConfig& config, const StateDict& state) {
  FoldedDaunet folded{fold_trunk(state, config),
                      fold_post(state, config, "pam"),
                      fold_post(state, config, "cam"),
                      fold(state, config, "fuse.conv", "fuse.bn"),
                      {},
                      fold(state, config, "head0", "")};
  for (std::int64_t level = 0; level + 1 < static_cast<std::int64_t>(config.filters.size()); ++level)
    folded.decoders.push_back(fold_decoder(state, config, level));
  return folded;
}

at::Tensor run_decoder(at::Tensor x, at::Tensor skip, const at::Tensor& attended, std::int64_t stride,
                       const FoldedDecoder& decoder) {
  std::vector<at::Tensor> parts;
  if (decoder.guide) parts.push_back(run_up(*decoder.guide, attended, stride));
  parts.push_back(decoder.scale.defined() ? skip.mul(decoder.scale).add_(decoder.shift) : skip);
  skip = at::Tensor();
  parts.push_back(run_up(decoder.up, x));
  x = at::Tensor();
  at::Tensor joined = at::cat(parts, 1);
  parts.clear();
  joined = decoder.joined.normalised(std::move(joined)).relu_();
  return run_block(std::move(joined), decoder.block);
}

class Daunet final : public NamedNetwork {
 public:
  Daunet(const SegConfig& config, const StateDict& state)
      : NamedNetwork("DAUNet", kDaunetName, config, daunet_specs(config), state) {}

  at::Tensor infer(const SegInput& input) const override;

 private:
  at::Tensor before_decoding(const at::Tensor& bottom, Pass& pass) const override;
  at::Tensor decode(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& attended, std::int64_t level,
                    Pass& pass) const override;
  at::Tensor post(const at::Tensor& x, const std::string& name, const Pass& pass) const;
  void forget_folded() const override { folded_.drop(); }

  mutable FoldedCache<FoldedDaunet> folded_;
};

at::Tensor Daunet::post(const at::Tensor& x, const std::string& name, const Pass& pass) const {
  const at::Tensor first = at::relu(norm(conv(x, name + ".post.conv0"), name + ".post.bn0", pass));
  return conv(channel_dropout(first, config_.fuse_dropout, pass.training), name + ".post.conv1");
}

at::Tensor Daunet::before_decoding(const at::Tensor& bottom, Pass& pass) const {
  const at::Tensor p = position(bottom, state_), c = channel(bottom, state_);
  const at::Tensor sum = post(p, "pam", pass) + post(c, "cam", pass);
  const at::Tensor fused =
      norm(conv(channel_dropout(sum, config_.fuse_dropout, pass.training), "fuse.conv"), "fuse.bn", pass);
  if (pass.keep_mid) pass.output.mid["pam"] = p, pass.output.mid["cam"] = c, pass.output.mid["fuse"] = fused;
  return fused;
}

at::Tensor Daunet::decode(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& attended, std::int64_t level,
                          Pass& pass) const {
  const std::string name = layer_name("dec", level, "");
  std::vector<at::Tensor> parts;
  if (config_.guided) parts.push_back(up(attended, name + ".guide", guide_stride(levels(), level)));
  parts.push_back(skip);
  parts.push_back(up(x, name + ".up"));
  return block(at::relu(norm(at::cat(parts, 1), name + ".cat_bn", pass)), name, pass);
}

at::Tensor Daunet::infer(const SegInput& input) const {
  check_input(input, false);
  const at::NoGradGuard no_grad;
  const auto weights = folded_.get(state_, [this] { return fold_network(config_, state_); });
  auto [skips, h] = run_trunk(input.x, weights->trunk);
  const auto run_post = [](at::Tensor attended, const FoldedDaunet::Post& post) {
    return run(post.second, run(post.first, attended).relu_());
  };
  h = run_post(position(h, state_), weights->pam) + run_post(channel(h, state_), weights->cam);
  const at::Tensor attended = run(weights->fuse, h);
  h = attended;
  for (std::size_t level = skips.size(); level-- > 0;) {
    h = run_decoder(std::move(h), std::move(skips[level]), attended,
                    guide_stride(levels(), static_cast<std::int64_t>(level)), weights->decoders[level]);
  }
  return at::softmax(run(weights->head, h), 1).contiguous();
}

}  // namespace

std::unique_ptr<SegNetwork> make_daunet(const SegConfig& config, StateDict state) {
  return std::make_unique<Daunet>(config, state);
}

}  // namespace fovea::models::seg
