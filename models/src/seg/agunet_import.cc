// Anonymous layers to canonical names: the one layout of AGUNet that explains every shape. reference/segmentation.md 5.
#include <ATen/ops/zeros.h>

#include "seg/agunet.h"

namespace fovea::models::seg {
namespace {

using Kind = LayerPlan::Kind;

/// Position of each planned layer within its own class: that is how the file knows it.
struct Cursor {
  std::size_t convolution = 0, transposed = 0, norm = 0;
  std::size_t next(Kind kind) {
    switch (kind) {
      case Kind::kConvolution: return convolution++;
      case Kind::kTransposed: return transposed++;
      case Kind::kNorm: break;
    }
    return norm++;
  }
};

bool counts_fit(const std::vector<LayerPlan>& plan, const AnonymousLayers& layers) {
  Cursor count;
  for (const LayerPlan& layer : plan) count.next(layer.kind);
  return count.convolution == layers.convolutions.size() && count.transposed == layers.transposed.size() &&
         count.norm == layers.norms.size();
}

/// Widths read off the layers that define them, given the switches.
SegConfig read_widths(SegConfig config, const std::vector<LayerPlan>& plan, const AnonymousLayers& layers) {
  Cursor cursor;
  std::vector<std::int64_t> filters;
  for (const LayerPlan& layer : plan) {
    const std::size_t index = cursor.next(layer.kind);
    if (layer.kind != Kind::kConvolution) continue;
    const at::Tensor& weight = layers.convolutions[index].weight;
    const bool encoder = layer.name.starts_with("enc") || layer.name.starts_with("bottom");
    if (encoder && layer.name.ends_with(".conv0")) filters.push_back(weight.size(0));
    if (layer.name == "enc0.conv0") config.channels = weight.size(1);
    if (layer.name == "head0") config.classes = weight.size(0);
  }
  config.filters = std::move(filters);
  return config;
}

bool plausible(const SegConfig& config) {
  bool wide_enough = config.channels >= 1 && config.classes >= 2;
  for (const std::int64_t filters : config.filters) wide_enough = wide_enough && filters >= (config.attention ? 2 : 1);
  return wide_enough;
}

bool sized(const at::Tensor& tensor, std::int64_t size) {
  return tensor.defined() && tensor.numel() == size;
}

bool convolution_fits(const AnonymousLayers::Convolution& found, const LayerPlan& layer, int dims) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dims) + 2, layer.kernel);
  shape[0] = layer.kind == Kind::kTransposed ? layer.in : layer.out;
  shape[1] = layer.kind == Kind::kTransposed ? layer.out : layer.in;
  return found.weight.sizes() == at::IntArrayRef(shape) && (!found.bias.defined() || sized(found.bias, layer.out));
}

bool shapes_fit(const SegConfig& config, const AnonymousLayers& layers) {
  Cursor cursor;
  for (const LayerPlan& layer : agunet_plan(config)) {
    const std::size_t index = cursor.next(layer.kind);
    if (layer.kind == Kind::kNorm) {
      const AnonymousLayers::Norm& norm = layers.norms[index];
      for (const at::Tensor& tensor : {norm.gamma, norm.beta, norm.mean, norm.var}) {
        if (!sized(tensor, layer.out)) return false;
      }
      continue;
    }
    const auto& list = layer.kind == Kind::kTransposed ? layers.transposed : layers.convolutions;
    if (!convolution_fits(list[index], layer, config.dims)) return false;
  }
  return true;
}

std::optional<SegConfig> explain(const AnonymousLayers& layers, bool multi_scale, bool deep_supervision,
                                 bool attention) {
  SegConfig config;
  config.architecture = kAgunetName;
  config.dims = static_cast<int>(layers.convolutions.front().weight.dim()) - 2;
  config.filters.assign(layers.transposed.size() + 1, 2);  // widths are read below; the layout does not depend on them
  config.multi_scale = multi_scale, config.deep_supervision = deep_supervision, config.attention = attention;
  const std::vector<LayerPlan> plan = agunet_plan(config);
  if (!counts_fit(plan, layers)) return std::nullopt;
  config = read_widths(config, plan, layers);
  if (!plausible(config) || !shapes_fit(config, layers)) return std::nullopt;
  return config;
}

at::Tensor owned(const at::Tensor& tensor) {
  return tensor.to(at::kFloat).contiguous();
}

StateDict assign(const AnonymousLayers& layers, const SegConfig& config) {
  StateDict state;
  Cursor cursor;
  for (const LayerPlan& layer : agunet_plan(config)) {
    const std::size_t index = cursor.next(layer.kind);
    if (layer.kind == Kind::kNorm) {
      const AnonymousLayers::Norm& norm = layers.norms[index];
      state[layer.name + ".weight"] = owned(norm.gamma.flatten());
      state[layer.name + ".bias"] = owned(norm.beta.flatten());
      state[layer.name + ".running_mean"] = owned(norm.mean.flatten());
      state[layer.name + ".running_var"] = owned(norm.var.flatten());
      continue;
    }
    const auto& found = (layer.kind == Kind::kTransposed ? layers.transposed : layers.convolutions)[index];
    state[layer.name + ".weight"] = owned(found.weight);
    // use_bias = False in Keras: a bias of zero is the same network.
    state[layer.name + ".bias"] =
        found.bias.defined() ? owned(found.bias.flatten()) : at::zeros({layer.out}, at::kFloat);
  }
  return state;
}

}  // namespace

std::optional<StateDict> agunet_from_anonymous(const AnonymousLayers& layers) {
  const bool levels_fit = !layers.transposed.empty() && layers.transposed.size() <= 11;
  if (!levels_fit || layers.convolutions.empty()) return std::nullopt;
  const std::int64_t rank = layers.convolutions.front().weight.dim();
  for (const auto* list : {&layers.convolutions, &layers.transposed}) {
    for (const auto& convolution : *list) {
      if (convolution.weight.dim() != rank) return std::nullopt;
    }
  }
  if (rank != 4 && rank != 5) return std::nullopt;
  // At most one of the eight explains the shapes: a pyramid and an extra head differ in kernel size and place. With two
  // levels the switches have no effect and the first match, all off, is also what recognise() says.
  for (const bool attention : {true, false}) {
    for (const bool multi_scale : {false, true}) {
      for (const bool deep_supervision : {false, true}) {
        if (const auto config = explain(layers, multi_scale, deep_supervision, attention))
          return assign(layers, *config);
      }
    }
  }
  return std::nullopt;
}

}  // namespace fovea::models::seg
