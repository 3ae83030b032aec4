#include "mil/dsmil.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention.h>

#include "mil/named_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kInstanceHead = "i_classifier.fc.0";
constexpr const char* kLinearQuery = "b_classifier.q";
constexpr const char* kQueryHidden = "b_classifier.q.0";
constexpr const char* kQuery = "b_classifier.q.2";
constexpr const char* kValue = "b_classifier.v.1";
constexpr const char* kBagHead = "b_classifier.fcc";
constexpr const char* kPassingValues = "passing_v";  // official option: values go through a layer of their own
constexpr const char* kOfficial = "dsmil";

std::vector<TensorSpec> specs_of(const MilConfig& c) {
  std::vector<TensorSpec> specs;
  add_linear(specs, kInstanceHead, c.classes, c.features);
  if (c.architecture == kOfficial) {
    add_linear(specs, kQueryHidden, c.attention, c.features);
    add_linear(specs, kQuery, c.attention, c.attention);
  } else {
    add_linear(specs, kLinearQuery, c.attention, c.features);
  }
  if (c.variant == kPassingValues) add_linear(specs, kValue, c.features, c.features);
  specs.push_back({std::string(kBagHead) + ".weight", {c.classes, c.classes, c.features}});
  specs.push_back({std::string(kBagHead) + ".bias", {c.classes}, Init::kLinearBias, c.classes * c.features});
  return specs;
}

class Dsmil final : public NamedMil {
 public:
  Dsmil(const MilConfig& config, StateDict state) : NamedMil(config, specs_of(config), std::move(state)) {}

  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override {
    check_rows(bag);
    MilOutput output;
    output.instance_logits = linear(bag, kInstanceHead);
    const at::Tensor critical = output.instance_logits.detach().argmax(0);
    output.max_logits = output.instance_logits.gather(0, critical.unsqueeze(0));
    const at::Tensor queries = queries_of(bag);
    const at::Tensor scores =
        at::linear(queries.index_select(0, critical), queries) / std::sqrt(static_cast<double>(queries.size(1)));
    const attention::Pooled pooled = attention::score_pool(step_scores(scores, step), values_of(bag));
    output.attn_raw = pooled.scores, output.entropy = pooled.entropy;
    output.attn_softmax = attention::weights_of(pooled.scores);
    output.bag_embedding = pooled.z;
    const std::string head = kBagHead;
    output.bag_logits =
        at::conv1d(pooled.z.unsqueeze(0), tensor(head + ".weight"), tensor(head + ".bias")).reshape({1, -1});
    output.bag_prob = independent() ? output.bag_logits.sigmoid()
                                    : (at::softmax(output.max_logits, 1) + at::softmax(output.bag_logits, 1)) / 2;
    return output;
  }

  /// Half from the critical instances, half from the bag.
  MilLoss loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options) const override {
    if (options.criterion) {
      MilLoss loss = mil_loss(output, label, options);
      loss.bag = (loss.bag + options.criterion(output.max_logits, label)) / 2;
      loss.total = total_loss(loss, options);
      return loss;
    }
    if (independent()) {
      const at::Tensor present = presence(label);
      MilLoss loss = mil_loss(output, at::zeros({1}, present.options().dtype(at::kLong)), options);
      loss.bag = (at::binary_cross_entropy_with_logits(output.bag_logits, present) +
                  at::binary_cross_entropy_with_logits(output.max_logits, present)) /
                 2;
      loss.total = total_loss(loss, options);
      return loss;
    }
    MilLoss loss = mil_loss(output, label, options);
    loss.bag = (loss.bag + at::cross_entropy_loss(output.max_logits, label.reshape({1}))) / 2;
    loss.total = total_loss(loss, options);
    return loss;
  }

 private:
  bool independent() const { return config().architecture == kOfficial; }

  at::Tensor queries_of(const at::Tensor& bag) const {
    return independent() ? linear(linear(bag, kQueryHidden).relu(), kQuery).tanh() : linear(bag, kLinearQuery);
  }
  at::Tensor values_of(const at::Tensor& bag) const {
    return config().variant == kPassingValues ? linear(bag, kValue).relu() : bag;
  }

  /// The official rule: of one class the index is its presence; of several, index c is class c, and C is none of them.
  at::Tensor presence(const at::Tensor& label) const {
    const std::int64_t classes = config().classes;
    const at::TensorOptions options = tensor(std::string(kBagHead) + ".bias").options().requires_grad(false);
    if (label.is_floating_point()) return label.reshape({1, classes}).to(options);
    at::Tensor present = at::zeros({1, classes}, options);
    const std::int64_t index = label.item<std::int64_t>() - (classes == 1 ? 1 : 0);
    if (index >= 0 && index < classes) present.slice(1, index, index + 1).fill_(1);
    return present;
  }
};

std::optional<MilConfig> recognise(const StateDict& state, std::string_view architecture) {
  const bool official = architecture == kOfficial;
  const std::string query = std::string(official ? kQueryHidden : kLinearQuery) + ".weight";
  MilConfig config;
  config.architecture = architecture;
  config.features = config.inner = extent(state, std::string(kInstanceHead) + ".weight", 1);
  config.classes = config.branches = extent(state, std::string(kInstanceHead) + ".weight", 0);
  config.attention = extent(state, query, 0);
  // With a linear query the published forms of the value layer differ (with and without ReLU): not guessed.
  if (state.count(std::string(kValue) + ".weight")) {
    if (!official) return {};
    config.variant = kPassingValues;
  }
  return when_whole(config);
}

MilRow row_of(std::string_view name, std::string_view description, std::string_view source,
              std::string_view parameters) {
  MilRow row;
  row.name = name;
  row.description = description;
  row.source = source;
  row.parameters = parameters;
  row.recognise = [name](const StateDict& state) { return recognise(state, name); };
  row.specs = specs_of;
  row.make = maker<Dsmil>();
  row.completed = [](MilConfig config) {
    config.branches = config.classes, config.inner = config.features;
    return with_defaults(std::move(config), config.features, 128);
  };
  return row;
}

}  // namespace

MilRow dsmil_row() {
  return row_of(kOfficial, "Dual-stream MIL: the strongest instance of each class as query; independent classes",
                "Li et al., CVPR 2021, arXiv 2011.08939", "query width 128, K = C");
}
MilRow dsmil_linear_row() {
  return row_of("dsmil_linear", "DSMIL with a linear query and exclusive classes, as AEM and ACMIL train it",
                "Li et al., CVPR 2021; AEM, arXiv 2406.15303", "query width 128, K = C");
}

}  // namespace fovea::models::mil
