#include "mil/pooling.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/max.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "mil/named_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kHidden = "head.0";
constexpr const char* kLogits = "head.3";

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  std::vector<TensorSpec> specs;
  add_linear(specs, kHidden, config.inner, config.features, Init::kXavierNormal);
  add_linear(specs, kLogits, config.classes, config.inner, Init::kXavierNormal);
  return specs;
}

class InstancePooling : public NamedMil {
 public:
  InstancePooling(const MilConfig& config, StateDict state) : NamedMil(config, specs_of(config), std::move(state)) {}

  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override {
    check_rows(bag);
    refuse_masking(step);
    MilOutput output;
    output.instance_logits = linear(dropped(linear(bag, kHidden).relu(), step, 0), kLogits);
    pool(output);
    output.bag_prob = at::softmax(output.bag_logits, 1);
    return output;
  }

 protected:
  virtual void pool(MilOutput& output) const = 0;
};

/// Every instance has the same share.
class MeanPooling final : public InstancePooling {
 public:
  using InstancePooling::InstancePooling;

 protected:
  void pool(MilOutput& output) const override {
    const std::int64_t n = output.instance_logits.size(0);
    output.bag_logits = output.instance_logits.mean(0, true);
    const at::TensorOptions options = output.bag_logits.options().requires_grad(false);
    output.attn_raw = at::zeros({1, n}, options);
    output.attn_softmax = at::full({1, n}, 1.0 / static_cast<double>(n), options);
    output.entropy = at::full({1}, std::log(static_cast<double>(n)), options);
  }
};

/// One instance a class has all of it.
class MaxPooling final : public InstancePooling {
 public:
  using InstancePooling::InstancePooling;

 protected:
  void pool(MilOutput& output) const override {
    const auto [logits, strongest] = at::max(output.instance_logits, 0, true);
    output.bag_logits = logits;
    output.attn_raw = output.instance_logits.detach().t();
    output.attn_softmax = at::zeros(output.attn_raw.sizes(), output.attn_raw.options()).scatter(1, strongest.t(), 1.0);
    output.entropy = at::zeros({config().classes}, output.attn_raw.options());
  }
};

template <class Model>
MilRow row_of(std::string_view name, std::string_view description, bool per_class) {
  MilRow row;
  row.name = name;
  row.description = description;
  row.source = "baseline; reference/mil.md 1.6";
  row.parameters = "L = D/2";
  row.dropout = 0.25;
  row.recognise = [name, per_class](const StateDict& state) {
    MilConfig config;
    config.architecture = name;
    config.features = extent(state, "head.0.weight", 1), config.inner = extent(state, "head.0.weight", 0);
    config.classes = extent(state, "head.3.weight", 0);
    if (per_class) config.branches = config.classes;
    return when_whole(config, false);
  };
  row.specs = specs_of;
  row.make = maker<Model>();
  row.completed = [per_class](MilConfig config) {
    config.attention = 0, config.branches = per_class ? config.classes : 1;
    const std::int64_t inner = (config.features + 1) / 2;
    return with_defaults(std::move(config), inner, 0);
  };
  return row;
}

}  // namespace

MilRow mean_pooling_row() {
  return row_of<MeanPooling>("mean_pooling", "Mean over instances of a small network's logits", false);
}
MilRow max_pooling_row() {
  return row_of<MaxPooling>("max_pooling", "Maximum over instances, for each class, of a small network's logits", true);
}

}  // namespace fovea::models::mil
