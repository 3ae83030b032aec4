#include "mil/transmil.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/softmax.h>

#include <fovea/base/error.h>
#include <fovea/models/nystrom_attention.h>

#include "mil/named_mil.h"

namespace fovea::models::mil {
namespace {

constexpr std::int64_t kHeads = 8;
constexpr std::int64_t kResidualLength = 33;  // of the convolution along the tokens
constexpr double kEps = 1e-5;

struct Pyramid {
  const char* name;
  std::int64_t edge;
};
constexpr Pyramid kPyramid[] = {{"pos_layer.proj", 7}, {"pos_layer.proj1", 5}, {"pos_layer.proj2", 3}};

std::vector<TensorSpec> specs_of(const MilConfig& c) {
  std::vector<TensorSpec> specs;
  add_linear(specs, "_fc1.0", c.inner, c.features);
  specs.push_back({"cls_token", {1, 1, c.inner}, Init::kNormal});
  for (const std::string layer : {"layer1", "layer2"}) {
    add_layer_norm(specs, layer + ".norm", c.inner);
    specs.push_back({layer + ".attn.to_qkv.weight", {3 * c.inner, c.inner}});
    add_linear(specs, layer + ".attn.to_out.0", c.inner, c.inner);
    specs.push_back({layer + ".attn.res_conv.weight", {kHeads, 1, kResidualLength, 1}});
  }
  for (const auto& [name, edge] : kPyramid) {
    specs.push_back({std::string(name) + ".weight", {c.inner, 1, edge, edge}});
    specs.push_back({std::string(name) + ".bias", {c.inner}, Init::kLinearBias, edge * edge});
  }
  add_layer_norm(specs, "norm", c.inner);
  add_linear(specs, "_fc2", c.classes, c.inner);
  return specs;
}

/// Edge of the smallest square that holds n.
std::int64_t edge_of(std::int64_t n) {
  auto edge = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
  while (edge * edge < n) ++edge;
  return edge;
}

class TransMil final : public NamedMil {
 public:
  TransMil(const MilConfig& config, StateDict state) : NamedMil(config, specs_of(config), std::move(state)) {}

  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override {
    check_rows(bag);
    refuse_masking(step);
    const std::int64_t n = bag.size(0), edge = edge_of(n);
    const at::Tensor rows = linear(bag, "_fc1.0").relu();
    at::Tensor tokens = at::cat({tensor("cls_token")[0], rows, rows.slice(0, 0, edge * edge - n)}).unsqueeze(0);
    tokens = attended(tokens, "layer1", step, 0);
    tokens = with_positions(tokens, edge);
    MilOutput output;
    add_maps(output, tokens, n);
    tokens = attended(tokens, "layer2", step, 1);
    output.bag_logits = linear(layer_norm(tokens.select(1, 0), "norm", kEps), "_fc2");
    output.bag_prob = at::softmax(output.bag_logits, 1);
    return output;
  }

 private:
  attention::NystromOptions nystrom() const { return {config().inner / 2, 6}; }

  /// Queries, keys and values [1, heads, tokens, L / heads].
  std::vector<at::Tensor> heads_of(const at::Tensor& tokens, const std::string& layer) const {
    const at::Tensor all = linear(layer_norm(tokens, layer + ".norm", kEps), layer + ".attn.to_qkv");
    std::vector<at::Tensor> parts;
    for (const at::Tensor& part : all.chunk(3, 2))
      parts.push_back(part.reshape({1, tokens.size(1), kHeads, -1}).transpose(1, 2));
    return parts;
  }

  at::Tensor attended(const at::Tensor& tokens, const std::string& layer, const MilStep& step,
                      std::uint64_t place) const {
    const auto parts = heads_of(tokens, layer);
    at::Tensor out = attention::nystrom_attention(parts[0], parts[1], parts[2], nystrom());
    out = out + at::conv2d(parts[2], tensor(layer + ".attn.res_conv.weight"), {}, {1, 1}, {kResidualLength / 2, 0},
                           {1, 1}, kHeads);
    const at::Tensor joined = linear(out.transpose(1, 2).flatten(2), layer + ".attn.to_out.0");
    return tokens + dropped(joined, step, place);
  }

  at::Tensor with_positions(const at::Tensor& tokens, std::int64_t edge) const {
    const std::int64_t width = config().inner;
    const at::Tensor grid = tokens.slice(1, 1).transpose(1, 2).reshape({1, width, edge, edge});
    at::Tensor sum = grid;
    for (const auto& [name, size] : kPyramid) {
      const std::string layer = name;
      sum = sum + at::conv2d(grid, tensor(layer + ".weight"), tensor(layer + ".bias"), {1, 1}, {size / 2, size / 2},
                             {1, 1}, width);
    }
    return at::cat({tokens.slice(1, 0, 1), sum.flatten(2).transpose(1, 2)}, 1);
  }

  void add_maps(MilOutput& output, const at::Tensor& tokens, std::int64_t n) const {
    const at::NoGradGuard no_grad;
    const auto parts = heads_of(tokens, "layer2");
    const at::Tensor weights = attention::nystrom_weights(parts[0], parts[1], 1, nystrom())[0];  // [heads, 1, tokens]
    output.attn_raw = weights.slice(2, 1, 1 + n).clone();
    output.attn_raw.slice(2, 0, weights.size(2) - 1 - n).add_(weights.slice(2, 1 + n));
    const at::Tensor positive = output.attn_raw.clamp_min(0), total = positive.sum(2, true);
    output.attn_softmax = positive / total.masked_fill(total.eq(0), 1.0);
    constexpr double kLeast = 1e-38;  // a weight of 0 adds 0
    output.entropy = -(output.attn_softmax * output.attn_softmax.clamp_min(kLeast).log()).sum(2);
  }
};

}  // namespace

MilRow transmil_row() {
  MilRow row;
  row.name = "transmil";
  row.description = "Transformer with Nystrom attention and convolutional positions over the folded bag";
  row.source = "Shao et al., NeurIPS 2021, arXiv 2106.00908";
  row.parameters = "L = 512, 8 heads, L/2 landmarks";
  row.dropout = 0.1;
  row.recognise = [](const StateDict& state) {
    MilConfig config;
    config.architecture = "transmil";
    config.features = extent(state, "_fc1.0.weight", 1), config.inner = extent(state, "_fc1.0.weight", 0);
    config.classes = extent(state, "_fc2.weight", 0), config.heads = kHeads;
    const bool fits = config.inner % kHeads == 0 && extent(state, "layer1.attn.to_qkv.weight", 1) == config.inner;
    return fits ? when_whole(config, false) : std::nullopt;
  };
  row.specs = specs_of;
  row.make = maker<TransMil>();
  row.completed = [](MilConfig config) {
    config.attention = 0, config.branches = 1;
    return with_defaults(std::move(config), 512, 0, kHeads);
  };
  return row;
}

}  // namespace fovea::models::mil
