#include "encoder/efficientnet_lite0.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>

#include "encoder/folded_norm.h"
#include "encoder/tile_input.h"

namespace fovea::models::encoder_detail {
namespace {

constexpr double kEps = 1e-3;
constexpr std::int64_t kStemChannels = 32, kHeadChannels = 1280;
// Keeps the activations (96 x 112 x 112 floats a tile at the widest) near the cache.
constexpr std::int64_t kTilesAtOnce = 2;

struct Stage {
  std::int64_t kernel, stride, expansion, channels, repeats;
};
constexpr std::array<Stage, 7> kStages{{{3, 1, 1, 16, 1},
                                        {3, 2, 6, 24, 2},
                                        {5, 2, 6, 40, 2},
                                        {3, 2, 6, 80, 3},
                                        {5, 1, 6, 112, 3},
                                        {5, 2, 6, 192, 4},
                                        {3, 1, 6, 320, 1}}};

struct BlockPlan {
  std::string name;
  std::int64_t in, inner, out, kernel, stride;
};

std::vector<BlockPlan> block_plans() {
  std::vector<BlockPlan> plans;
  std::int64_t in = kStemChannels;
  for (const Stage& stage : kStages) {
    for (std::int64_t repeat = 0; repeat < stage.repeats; ++repeat) {
      plans.push_back({"_blocks." + std::to_string(plans.size()) + ".", in, in * stage.expansion, stage.channels,
                       stage.kernel, repeat == 0 ? stage.stride : 1});
      in = stage.channels;
    }
  }
  return plans;
}

/// A convolution with its batch norm folded in, TensorFlow's "SAME" padding.
struct Layer {
  at::Tensor weight, bias;
  std::int64_t stride = 1, groups = 1;

  at::Tensor operator()(const at::Tensor& x) const {
    const std::int64_t kernel = weight.size(2);
    if (stride == 1) return apply(x, kernel / 2);
    // Strided: total = max((ceil(n / s) - 1) s + k - n, 0), the smaller half first, so top/left may get less than
    // bottom/right.
    const auto [left, right] = same_padding(x.size(3), kernel);
    const auto [top, bottom] = same_padding(x.size(2), kernel);
    return apply(at::constant_pad_nd(x, {left, right, top, bottom}, 0), 0);
  }

  std::pair<std::int64_t, std::int64_t> same_padding(std::int64_t size, std::int64_t kernel) const {
    const std::int64_t out = (size + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + kernel - size, 0);
    return {total / 2, total - total / 2};
  }

  at::Tensor apply(const at::Tensor& x, std::int64_t padding) const {
    return at::convolution(x, weight, bias, {stride, stride}, {padding, padding}, {1, 1}, false, {0, 0}, groups);
  }
};

Layer folded_layer(const StateDict& state, const std::string& convolution, const std::string& norm,
                   std::int64_t stride = 1, std::int64_t groups = 1) {
  FoldedConvolution folded = folded_convolution(state, convolution, norm, kEps);
  return {std::move(folded.weight), std::move(folded.bias), stride, groups};
}

at::Tensor relu6_(at::Tensor x) {
  return x.clamp_(0, 6);
}

struct Block {
  std::vector<Layer> expand;  ///< none or one
  Layer depthwise, project;
  bool residual = false;

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor h = expand.empty() ? x : relu6_(expand.front()(x));
    h = relu6_(depthwise(h));
    h = project(h);
    return residual ? h.add_(x) : h;
  }
};

Block make_block(const StateDict& state, const BlockPlan& plan) {
  Block block;
  if (plan.inner != plan.in)
    block.expand.push_back(folded_layer(state, plan.name + "_expand_conv", plan.name + "_bn0"));
  block.depthwise = folded_layer(state, plan.name + "_depthwise_conv", plan.name + "_bn1", plan.stride, plan.inner);
  block.project = folded_layer(state, plan.name + "_project_conv", plan.name + "_bn2");
  block.residual = plan.stride == 1 && plan.in == plan.out;
  return block;
}

class EfficientNetLite0 final : public TileEncoder {
 public:
  EfficientNetLite0(const StateDict& state, EncoderInfo info) : info_(std::move(info)), input_(info_) {
    const at::NoGradGuard no_grad;
    stem_ = folded_layer(state, "_conv_stem", "_bn0", 2);
    for (const BlockPlan& plan : block_plans()) blocks_.push_back(make_block(state, plan));
    head_ = folded_layer(state, "_conv_head", "_bn1");
  }

  const EncoderInfo& info() const override { return info_; }

  at::Tensor encode(const at::Tensor& tiles) const override {
    return encode_in_pieces(tiles, info_, input_, stem_.weight, kTilesAtOnce, [this](const at::Tensor& pictures) {
      at::Tensor x = relu6_(stem_(pictures));
      for (const Block& block : blocks_) x = block(x);
      return relu6_(head_(x)).mean(at::IntArrayRef{2, 3});
    });
  }

 private:
  EncoderInfo info_;
  TileInput input_;
  Layer stem_, head_;
  std::vector<Block> blocks_;
};

}  // namespace

EncoderInfo efficientnet_lite0_info() {
  return {.name = "efficientnet_lite0", .dim = kHeadChannels, .tile_px = 224, .mpp = 0.5};
}

std::vector<TensorSpec> efficientnet_lite0_specs() {
  std::vector<TensorSpec> specs;
  specs.push_back({"_conv_stem.weight", {kStemChannels, 3, 3, 3}});
  add_batch_norm(specs, "_bn0", kStemChannels);
  std::int64_t last = kStemChannels;
  for (const BlockPlan& plan : block_plans()) {
    if (plan.inner != plan.in) {
      specs.push_back({plan.name + "_expand_conv.weight", {plan.inner, plan.in, 1, 1}});
      add_batch_norm(specs, plan.name + "_bn0", plan.inner);
    }
    specs.push_back({plan.name + "_depthwise_conv.weight", {plan.inner, 1, plan.kernel, plan.kernel}});
    add_batch_norm(specs, plan.name + "_bn1", plan.inner);
    specs.push_back({plan.name + "_project_conv.weight", {plan.out, plan.inner, 1, 1}});
    add_batch_norm(specs, plan.name + "_bn2", plan.out);
    last = plan.out;
  }
  specs.push_back({"_conv_head.weight", {kHeadChannels, last, 1, 1}});
  add_batch_norm(specs, "_bn1", kHeadChannels);
  return specs;
}

bool efficientnet_lite0_drops(std::string_view name) {
  return name.starts_with("_fc.") || name.ends_with("num_batches_tracked");
}

std::unique_ptr<TileEncoder> make_efficientnet_lite0(StateDict state, const EncoderInfo& info) {
  return std::make_unique<EfficientNetLite0>(state, info);
}

}  // namespace fovea::models::encoder_detail
