#include "encoder/resnet50_trunc.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/max_pool2d.h>

#include "encoder/folded_norm.h"
#include "encoder/tile_input.h"

namespace fovea::models::encoder_detail {
namespace {

constexpr double kEps = 1e-5;
constexpr std::int64_t kStemChannels = 64, kExpansion = 4;
constexpr std::int64_t kTilesAtOnce = 2;

struct Stage {
  std::int64_t channels, stride, repeats;
};
constexpr std::array<Stage, 3> kStages{{{64, 1, 3}, {128, 2, 4}, {256, 2, 6}}};
constexpr std::int64_t kDim = kStages.back().channels * kExpansion;

struct BlockPlan {
  std::string name;
  std::int64_t in, inner, stride;  ///< the stride sits in the 3 x 3 convolution
  bool projects;                   ///< the shortcut has a convolution of its own
};

std::vector<BlockPlan> block_plans() {
  std::vector<BlockPlan> plans;
  std::int64_t in = kStemChannels;
  for (std::size_t stage = 0; stage < kStages.size(); ++stage)
    for (std::int64_t repeat = 0; repeat < kStages[stage].repeats; ++repeat) {
      plans.push_back({"layer" + std::to_string(stage + 1) + "." + std::to_string(repeat) + ".", in,
                       kStages[stage].channels, repeat == 0 ? kStages[stage].stride : 1, repeat == 0});
      in = kStages[stage].channels * kExpansion;
    }
  return plans;
}

struct Layer {
  FoldedConvolution folded;
  std::int64_t stride = 1;

  at::Tensor operator()(const at::Tensor& x) const {
    const std::int64_t padding = folded.weight.size(2) / 2;
    return at::convolution(x, folded.weight, folded.bias, {stride, stride}, {padding, padding}, {1, 1}, false, {0, 0},
                           1);
  }
};

struct Block {
  Layer reduce, spatial, expand;
  std::optional<Layer> shortcut;

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor h = expand(spatial(reduce(x).relu_()).relu_());
    return h.add_(shortcut ? (*shortcut)(x) : x).relu_();
  }
};

Block make_block(const StateDict& state, const BlockPlan& plan) {
  const auto folded = [&](const char* convolution, const char* norm) {
    return folded_convolution(state, plan.name + convolution, plan.name + norm, kEps);
  };
  Block block{{folded("conv1", "bn1")}, {folded("conv2", "bn2"), plan.stride}, {folded("conv3", "bn3")}, {}};
  if (plan.projects) block.shortcut = Layer{folded("downsample.0", "downsample.1"), plan.stride};
  return block;
}

class Resnet50Trunc final : public TileEncoder {
 public:
  Resnet50Trunc(const StateDict& state, EncoderInfo info) : info_(std::move(info)), input_(info_) {
    stem_ = {folded_convolution(state, "conv1", "bn1", kEps), 2};
    for (const BlockPlan& plan : block_plans()) blocks_.push_back(make_block(state, plan));
  }

  const EncoderInfo& info() const override { return info_; }

  at::Tensor encode(const at::Tensor& tiles) const override {
    return encode_in_pieces(tiles, info_, input_, stem_.folded.weight, kTilesAtOnce,
                            [this](const at::Tensor& pictures) {
                              at::Tensor x = at::max_pool2d(stem_(pictures).relu_(), {3, 3}, {2, 2}, {1, 1});
                              for (const Block& block : blocks_) x = block(x);
                              return x.mean(at::IntArrayRef{2, 3});
                            });
  }

 private:
  EncoderInfo info_;
  TileInput input_;
  Layer stem_;
  std::vector<Block> blocks_;
};

}  // namespace

EncoderInfo resnet50_trunc_info() {
  EncoderInfo info;
  info.name = "resnet50_trunc", info.dim = kDim, info.tile_px = 256, info.input_px = 224;
  info.mean = kImageNetMean, info.std = kImageNetStd;
  return info;
}

std::vector<TensorSpec> resnet50_trunc_specs() {
  std::vector<TensorSpec> specs{{"conv1.weight", {kStemChannels, 3, 7, 7}}};
  add_batch_norm(specs, "bn1", kStemChannels);
  const auto add = [&](const std::string& convolution, const std::string& norm, std::vector<std::int64_t> shape) {
    const std::int64_t channels = shape.front();
    specs.push_back({convolution + ".weight", std::move(shape)});
    add_batch_norm(specs, norm, channels);
  };
  for (const BlockPlan& plan : block_plans()) {
    const std::int64_t out = plan.inner * kExpansion;
    add(plan.name + "conv1", plan.name + "bn1", {plan.inner, plan.in, 1, 1});
    add(plan.name + "conv2", plan.name + "bn2", {plan.inner, plan.inner, 3, 3});
    add(plan.name + "conv3", plan.name + "bn3", {out, plan.inner, 1, 1});
    if (plan.projects) add(plan.name + "downsample.0", plan.name + "downsample.1", {out, plan.in, 1, 1});
  }
  return specs;
}

bool resnet50_trunc_drops(std::string_view name) {
  return name.starts_with("layer4.") || name.starts_with("fc.") || name.ends_with("num_batches_tracked");
}

std::unique_ptr<TileEncoder> make_resnet50_trunc(StateDict state, const EncoderInfo& info) {
  return std::make_unique<Resnet50Trunc>(state, info);
}

}  // namespace fovea::models::encoder_detail
