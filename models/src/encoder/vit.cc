#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <fovea/base/error.h>
#include <fovea/models/self_attention.h>
#include <fovea/models/vit.h>

#include "encoder/tile_input.h"
#include "encoder/vit_names.h"

namespace fovea::models {
namespace {

// A tile's tokens fill the matrix products by themselves.
constexpr std::int64_t kTilesAtOnce = 1;

/// The tensors of a file under timm's names, queries, keys and values joined. An absent one is undefined.
class Weights {
 public:
  Weights(const VitConfig& config, const StateDict& state) : config_(config), state_(state) {}

  at::Tensor operator()(const std::string& name) const {
    std::vector<at::Tensor> parts;
    for (const std::string& part : encoder_detail::vit_file_names(config_.naming, config_.gated, name))
      if (const auto found = state_.find(part); found != state_.end()) parts.push_back(found->second);
    if (parts.empty()) return {};
    return parts.size() == 1 ? parts.front() : at::cat(parts);
  }

 private:
  const VitConfig& config_;
  const StateDict& state_;
};

struct Linear {
  at::Tensor weight, bias;
  Linear() = default;
  Linear(const Weights& weights, const std::string& name)
      : weight(weights(name + ".weight")), bias(weights(name + ".bias")) {}
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }
};

struct Norm {
  at::Tensor weight, bias;
  double eps = 0;
  Norm() = default;
  Norm(const Weights& weights, const std::string& name, double epsilon)
      : weight(weights(name + ".weight")), bias(weights(name + ".bias")), eps(epsilon) {}
  at::Tensor operator()(const at::Tensor& x) const {
    return weight.defined() ? at::layer_norm(x, weight.sizes(), weight, bias, eps) : x;
  }
};

class Block {
 public:
  Block(const VitConfig& config, const Weights& weights, const std::string& name)
      : heads_(config.heads),
        gated_(config.gated),
        norm1_(weights, name + "norm1", config.norm_eps),
        norm2_(weights, name + "norm2", config.norm_eps),
        q_norm_(weights, name + "attn.q_norm", config.norm_eps),
        k_norm_(weights, name + "attn.k_norm", config.norm_eps),
        qkv_(weights, name + "attn.qkv"),
        projection_(weights, name + "attn.proj"),
        fc1_(weights, name + "mlp.fc1"),
        fc2_(weights, name + "mlp.fc2"),
        scale1_(weights(name + "ls1.gamma")),
        scale2_(weights(name + "ls2.gamma")) {}

  /// x [n, L, D], changed in place.
  void operator()(at::Tensor& x) const {
    add(x, attended(norm1_(x)), scale1_);
    add(x, mlp(norm2_(x)), scale2_);
  }

 private:
  static void add(at::Tensor& x, const at::Tensor& branch, const at::Tensor& scale) {
    scale.defined() ? x.addcmul_(branch, scale) : x.add_(branch);
  }
  at::Tensor attended(const at::Tensor& x) const {
    const std::int64_t n = x.size(0), tokens = x.size(1), dim = x.size(2);
    const at::Tensor qkv = qkv_(x).view({n, tokens, 3, heads_, dim / heads_}).permute({2, 0, 3, 1, 4});
    attention::AttentionOptions options;
    options.want_lse = false;
    const at::Tensor out = attention::attention(q_norm_(qkv[0]), k_norm_(qkv[1]), qkv[2], options).out;
    return projection_(out.transpose(1, 2).reshape({n, tokens, dim}));
  }
  at::Tensor mlp(const at::Tensor& x) const {
    const at::Tensor h = fc1_(x);
    if (!gated_) return fc2_(at::gelu(h));
    const std::int64_t width = h.size(-1) / 2;
    return fc2_(at::silu(h.narrow(-1, 0, width)).mul_(h.narrow(-1, width, width)));
  }

  std::int64_t heads_;
  bool gated_;
  Norm norm1_, norm2_, q_norm_, k_norm_;
  Linear qkv_, projection_, fc1_, fc2_;
  at::Tensor scale1_, scale2_;
};

/// Stored positions of the patches [1, grid^2, D] on another grid; float32 whatever the type, as both libraries do.
at::Tensor resampled(const at::Tensor& positions, std::int64_t from, std::int64_t to, VitNaming naming) {
  if (from == to) return positions;
  const at::Tensor plane = positions.to(at::kFloat).reshape({1, from, from, -1}).permute({0, 3, 1, 2});
  const at::Tensor moved = naming == VitNaming::kTimm ? at::_upsample_bicubic2d_aa(plane, {to, to}, false)
                                                      : at::upsample_bicubic2d(plane, {to, to}, false);
  return moved.permute({0, 2, 3, 1}).reshape({1, to * to, positions.size(2)}).to(positions.scalar_type());
}

class Vit final : public TileEncoder {
 public:
  Vit(const VitConfig& config, const StateDict& state, EncoderInfo info)
      : config_(config), info_(std::move(info)), input_(info_) {
    check();
    const at::NoGradGuard no_grad;
    const Weights weights(config_, state);
    patches_ = Linear(weights, "patch_embed.proj");
    norm_pre_ = Norm(weights, "norm_pre", config_.norm_eps);
    norm_ = Norm(weights, config_.norm_after_pooling ? "fc_norm" : "norm", config_.norm_eps);
    for (std::int64_t i = 0; i < config_.depth; ++i)
      blocks_.emplace_back(config_, weights, "blocks." + std::to_string(i) + ".");
    place_tokens(weights);
  }

  const EncoderInfo& info() const override { return info_; }

  at::Tensor encode(const at::Tensor& tiles) const override {
    return encode_in_pieces(tiles, info_, input_, patches_.weight, kTilesAtOnce,
                            [this](const at::Tensor& pictures) { return pooled(tokens(pictures)); });
  }

 private:
  void check() const {
    std::string problem;
    if (config_.heads < 1 || config_.dim % config_.heads != 0)
      problem = std::to_string(config_.heads) + " heads do not divide a width of " + std::to_string(config_.dim);
    else if (info_.network_px() % config_.patch != 0)
      problem = "patches of " + std::to_string(config_.patch) + " pixels do not fill an input of " +
                std::to_string(info_.network_px());
    else if (config_.pooling != VitPooling::kMean && !config_.class_token)
      problem = "it has no class token to take features from";
    if (!problem.empty()) throw Error(ErrorCode::kShape, "encoder " + info_.name, problem, "Correct its config.json.");
  }
  /// The prefix tokens with their positions, and the positions of the patches, do not depend on the tile.
  void place_tokens(const Weights& weights) {
    const std::int64_t stored = config_.position_prefix;
    const at::Tensor positions = weights("pos_embed");
    positions_ = resampled(positions.narrow(1, stored, positions.size(1) - stored), config_.grid,
                           info_.network_px() / config_.patch, config_.naming);
    std::vector<at::Tensor> prefix;
    if (config_.class_token) prefix.push_back(weights("cls_token"));
    if (config_.registers > 0) prefix.push_back(weights("reg_token"));
    if (prefix.empty()) return;
    prefix_ = at::cat(prefix, 1).clone();
    if (stored > 0) prefix_.narrow(1, 0, stored).add_(positions.narrow(1, 0, stored));
  }

  at::Tensor tokens(const at::Tensor& pictures) const {
    const std::int64_t edge = config_.patch;
    at::Tensor x =
        at::convolution(pictures, patches_.weight, patches_.bias, {edge, edge}, {0, 0}, {1, 1}, false, {0, 0}, 1);
    x = x.flatten(2).transpose(1, 2) + positions_;
    if (prefix_.defined()) x = at::cat({prefix_.expand({x.size(0), -1, -1}), x}, 1);
    x = norm_pre_(x);
    for (const Block& block : blocks_) block(x);
    return config_.norm_after_pooling ? x : norm_(x);
  }
  at::Tensor pooled(const at::Tensor& x) const {
    const std::int64_t prefix = prefix_.defined() ? prefix_.size(1) : 0;
    const auto mean = [&] { return x.narrow(1, prefix, x.size(1) - prefix).mean(at::IntArrayRef{1}); };
    const at::Tensor features = config_.pooling == VitPooling::kMean    ? mean()
                                : config_.pooling == VitPooling::kClass ? x.select(1, 0)
                                                                        : at::cat({x.select(1, 0), mean()}, 1);
    return config_.norm_after_pooling ? norm_(features) : features;
  }

  VitConfig config_;
  EncoderInfo info_;
  encoder_detail::TileInput input_;
  Linear patches_;
  at::Tensor prefix_, positions_;
  Norm norm_pre_, norm_;
  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<TileEncoder> make_vit(const VitConfig& config, const StateDict& state, EncoderInfo info) {
  info.dim = config.width();
  return std::make_unique<Vit>(config, state, std::move(info));
}

}  // namespace fovea::models
