#include "seg/folded.h"

#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/group_norm.h>

#include "seg/blocks.h"
#include "seg/layer_plan.h"
#include "seg/rolling_block.h"

namespace fovea::models::seg {
namespace {

void widen(Folded& first) {
  first.weight = channels_last(at_least_two_channels(first.weight));
}

}  // namespace

Affine Affine::channels(std::int64_t begin, std::int64_t count) const {
  return {scale.narrow(0, begin, count), shift.narrow(0, begin, count)};
}

Affine affine_of(const StateDict& state, const std::string& norm) {
  const auto wide = [&](const char* suffix) { return state.at(norm + suffix).to(at::kDouble); };
  const at::Tensor scale = wide(".weight") / (wide(".running_var") + kBatchNormEps).sqrt();
  return {scale, wide(".bias") - wide(".running_mean") * scale};
}

at::Tensor Folded::normalised(at::Tensor x) const {
  if (!gamma.defined()) return x;
  return at::group_norm(x, norm_groups(norm, x.size(1)), gamma, beta, kBatchNormEps, false);
}

Folded fold(const StateDict& state, const std::string& convolution, const Affine& affine, std::int64_t out_dim) {
  const at::Tensor& weight = state.at(convolution + ".weight");
  const at::Tensor& bias = state.at(convolution + ".bias");
  std::vector<std::int64_t> along(static_cast<std::size_t>(weight.dim()), 1);
  along[static_cast<std::size_t>(out_dim)] = -1;
  const at::Tensor folded = weight.to(at::kDouble) * affine.scale.view(along);
  const at::Tensor shift = bias.to(at::kDouble) * affine.scale + affine.shift;
  return {channels_last(folded.to(weight.scalar_type())), shift.to(bias.scalar_type()), {}, {}};
}

Folded fold(const StateDict& state, const SegConfig& config, const std::string& convolution, const std::string& norm,
            std::int64_t out_dim) {
  if (!norm.empty() && config.norm == SegNorm::kBatch) return fold(state, convolution, affine_of(state, norm), out_dim);
  Folded alone{channels_last(state.at(convolution + ".weight")), state.at(convolution + ".bias"), {}, {}, config.norm};
  if (!norm.empty()) alone.gamma = state.at(norm + ".weight"), alone.beta = state.at(norm + ".bias");
  return alone;
}

at::Tensor run(const Folded& layer, const at::Tensor& x) {
  return layer.normalised(convolve(x, layer.weight, layer.bias));
}

at::Tensor run_up(const Folded& layer, const at::Tensor& x, std::int64_t stride) {
  return layer.normalised(upsample(x, layer.weight, layer.bias, stride));
}

FoldedBlock fold_block(const StateDict& state, const SegConfig& config, const std::string& name) {
  return {fold(state, config, name + ".conv0", name + ".bn0"), fold(state, config, name + ".conv1", name + ".bn1")};
}

at::Tensor run_block(at::Tensor x, const FoldedBlock& block) {
  const std::int64_t planes = x.size(2);
  if (const auto slab = slab_planes(x, planes, block)) {
    at::Tensor out = planes_like(x, block.second.weight.size(0), planes);
    roll_block(
        block, x, planes, *slab,
        [&](std::int64_t begin, std::int64_t end, at::Tensor room) { room.copy_(x.narrow(2, begin, end - begin)); },
        [&](std::int64_t begin, const at::Tensor& done) { relu_into(out.narrow(2, begin, done.size(2)), done); });
    return out;
  }
  at::Tensor first = run(block.first, x).relu_();
  x = at::Tensor();
  return run(block.second, first).relu_();
}

FoldedTrunk fold_trunk(const StateDict& state, const SegConfig& config) {
  FoldedTrunk trunk;
  const std::size_t levels = config.filters.size();
  for (std::size_t level = 0; level < levels; ++level) {
    const std::string name = level + 1 == levels ? "bottom" : layer_name("enc", static_cast<std::int64_t>(level), "");
    FoldedTrunk::Level folded{{}, fold_block(state, config, name)};
    if (state.contains(name + ".pyr.weight")) widen(folded.pyramid.emplace(fold(state, config, name + ".pyr", "")));
    trunk.levels.push_back(std::move(folded));
  }
  widen(trunk.levels.front().block.first);
  return trunk;
}

Trunk run_trunk(const at::Tensor& x, const FoldedTrunk& folded) {
  Trunk trunk;
  at::Tensor h = channels_last(at_least_two_channels(x)), pyramid = h;
  for (std::size_t level = 0; level < folded.levels.size(); ++level) {
    const FoldedTrunk::Level& layer = folded.levels[level];
    if (level > 0) pyramid = average_pool(pyramid);
    if (layer.pyramid) h = at::cat({run(*layer.pyramid, pyramid).relu_(), h}, 1);
    h = run_block(std::move(h), layer.block);
    if (level + 1 == folded.levels.size()) break;
    trunk.skips.push_back(h);
    h = max_pool(h);
  }
  trunk.bottom = std::move(h);
  return trunk;
}

}  // namespace fovea::models::seg
