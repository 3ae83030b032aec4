#include "seg/anonymous_import.h"

#include <algorithm>

#include <ATen/ops/zeros.h>

#include "seg/agunet.h"
#include "seg/daunet.h"

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
      case Kind::kNorm: return norm++;
      case Kind::kProjection:
      case Kind::kScale: break;
    }
    return 0;
  }
};

bool counts_fit(const Plan& plan, const AnonymousLayers& layers) {
  Cursor count;
  for (const LayerPlan& layer : plan) count.next(layer.kind);
  return count.convolution == layers.convolutions.size() && count.transposed == layers.transposed.size() &&
         count.norm == layers.norms.size();
}

/// Widths read off the layers that define them, given the switches.
SegConfig read_widths(SegConfig config, const Plan& plan, const AnonymousLayers& layers) {
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

bool sized(const at::Tensor& tensor, std::int64_t size) {
  return tensor.defined() && tensor.numel() == size;
}

bool convolution_fits(const AnonymousLayers::Convolution& found, const LayerPlan& layer, int dims) {
  return found.weight.sizes() == at::IntArrayRef(layer.shape(dims)) &&
         (!found.bias.defined() || sized(found.bias, layer.out));
}

bool shapes_fit(const Plan& plan, const SegConfig& config, const AnonymousLayers& layers) {
  Cursor cursor;
  for (const LayerPlan& layer : plan) {
    if (!layer.in_files()) continue;
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

at::Tensor owned(const at::Tensor& tensor) {
  return tensor.to(at::kFloat).contiguous();
}

StateDict assign(const Plan& plan, const SegConfig& config, const AnonymousLayers& layers) {
  StateDict state;
  Cursor cursor;
  for (const LayerPlan& layer : plan) {
    if (layer.kind == Kind::kScale) state[layer.name] = at::zeros({1}, at::kFloat);
    if (layer.kind == Kind::kProjection)
      state[layer.name + ".weight"] = at::zeros(layer.shape(config.dims), at::kFloat);
    if (!layer.in_files()) continue;
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

/// One rank, 2-D or 3-D, in all layers; 0 otherwise.
int spatial_dims(const AnonymousLayers& layers) {
  if (layers.transposed.empty() || layers.convolutions.empty()) return 0;
  const std::int64_t rank = layers.convolutions.front().weight.dim();
  for (const auto* list : {&layers.convolutions, &layers.transposed}) {
    for (const auto& convolution : *list) {
      if (convolution.weight.dim() != rank) return 0;
    }
  }
  return rank == 4 || rank == 5 ? static_cast<int>(rank) - 2 : 0;
}

SegConfig layout(std::size_t levels, bool multi_scale, bool deep_supervision) {
  SegConfig config;
  config.filters.assign(levels, 2);  // read from the file later; the layout does not depend on them
  config.multi_scale = multi_scale, config.deep_supervision = deep_supervision;
  return config;
}

constexpr bool kEither[] = {false, true};

}  // namespace

std::optional<StateDict> named_layers(const AnonymousLayers& layers, const std::vector<SegConfig>& layouts,
                                      const std::function<Plan(const SegConfig&)>& plan_of,
                                      const std::function<bool(const SegConfig&)>& plausible) {
  const int dims = spatial_dims(layers);
  if (dims == 0) return std::nullopt;
  for (SegConfig config : layouts) {
    if (config.filters.size() < 2 || config.filters.size() > 12) continue;
    config.dims = dims;
    Plan plan = plan_of(config);
    if (!counts_fit(plan, layers)) continue;
    config = read_widths(config, plan, layers);
    if (config.channels < 1 || config.classes < 2 || !plausible(config)) continue;
    plan = plan_of(config);
    if (shapes_fit(plan, config, layers)) return assign(plan, config, layers);
  }
  return std::nullopt;
}

// At most one of an architecture's layouts explains the shapes: a pyramid and an extra head differ in kernel size and
// place. With two levels some switches have no effect and the first match, all off, is also what recognise() says.

std::optional<StateDict> agunet_from_anonymous(const AnonymousLayers& layers) {
  std::vector<SegConfig> layouts;
  for (const bool attention : {true, false}) {
    for (const bool multi_scale : kEither) {
      for (const bool deep_supervision : kEither) {
        layouts.push_back(layout(layers.transposed.size() + 1, multi_scale, deep_supervision));
        layouts.back().attention = attention;
      }
    }
  }
  return named_layers(layers, layouts, agunet_plan, [](const SegConfig& config) {
    return std::ranges::all_of(config.filters, [&](std::int64_t f) { return f >= (config.attention ? 2 : 1); });
  });
}

std::optional<StateDict> daunet_from_anonymous(const AnonymousLayers& layers) {
  std::vector<SegConfig> layouts;
  for (const bool guided : {true, false}) {
    if (guided && layers.transposed.size() % 2 != 0) continue;
    for (const bool multi_scale : kEither) {
      for (const bool deep_supervision : kEither) {
        layouts.push_back(layout(layers.transposed.size() / (guided ? 2 : 1) + 1, multi_scale, deep_supervision));
        layouts.back().guided = guided;
      }
    }
  }
  return named_layers(layers, layouts, daunet_plan, [](const SegConfig& config) {
    return std::ranges::all_of(config.filters, [](std::int64_t f) { return f >= 1; });
  });
}

}  // namespace fovea::models::seg
