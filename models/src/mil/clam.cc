#include "mil/clam.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>

#include "mil/gated_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kFront = "attention_net.0";
/// Where the attention block stands, as an index of `attention_net`: 3, or 2 in copies without the front dropout. The
/// plain block is a sequence `module` whose last layer is 2, or 3 with dropout.
constexpr const char* kVariants[] = {"3", "2", "3.module.3", "3.module.2", "2.module.3", "2.module.2"};

GatedNames names_of(const std::string& variant) {
  const std::string place = "attention_net." + (variant.empty() ? std::string(kVariants[0]) : variant);
  if (const auto module = place.find(".module."); module != std::string::npos)
    return {kFront, place.substr(0, module) + ".module.0", "", place};
  return {kFront, place + ".attention_a.0", place + ".attention_b.0", place + ".attention_c"};
}

std::string instance_head(std::int64_t label) {
  return "instance_classifiers." + std::to_string(label);
}
std::string class_head(std::int64_t label) {
  return "classifiers." + std::to_string(label);
}

std::vector<TensorSpec> specs_of(const MilConfig& c, bool per_class) {
  constexpr Init kInit = Init::kXavierNormal;
  const GatedNames names = names_of(c.variant);
  std::vector<TensorSpec> specs;
  add_linear(specs, names.front, c.inner, c.features, kInit);
  add_linear(specs, names.v, c.attention, c.inner, kInit);
  if (!names.u.empty()) add_linear(specs, names.u, c.attention, c.inner, kInit);
  add_linear(specs, names.w, per_class ? c.classes : 1, c.attention, kInit);
  if (!per_class) add_linear(specs, "classifiers", c.classes, c.inner, kInit);
  for (std::int64_t label = 0; label < c.classes; ++label) {
    if (per_class) add_linear(specs, class_head(label), 1, c.inner, kInit);
    add_linear(specs, instance_head(label), 2, c.inner, kInit);
  }
  return specs;
}

std::optional<MilConfig> recognise(const StateDict& state, std::string_view architecture, bool per_class) {
  for (const char* variant : kVariants) {
    const GatedNames names = names_of(variant);
    MilConfig config;
    config.architecture = architecture;
    config.variant = variant == std::string_view(kVariants[0]) ? "" : variant;
    config.features = extent(state, names.front + ".weight", 1);
    config.inner = extent(state, names.front + ".weight", 0);
    config.attention = extent(state, names.v + ".weight", 0);
    config.branches = extent(state, names.w + ".weight", 0);
    config.classes = per_class ? count_names(state, "classifiers.", ".weight") : extent(state, "classifiers.weight", 0);
    if (config.branches == (per_class ? config.classes : 1))
      if (auto whole = when_whole(config)) return whole;
  }
  return {};
}

/// One class's share of the instance loss: rows, targets 1 (evidence) or 0.
struct Chosen {
  at::Tensor rows, targets;
};

class Clam final : public GatedMil {
 public:
  Clam(const MilConfig& config, StateDict state)
      : GatedMil(config, specs_of(config, per_class(config)), std::move(state), names_of(config.variant)) {}

  MilLoss loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options) const override {
    MilLoss loss = mil_loss(output, label, options);
    if (!options.instance_loss || !output.instances_at) return loss;
    if (label.scalar_type() != at::kLong || label.numel() != 1)
      throw Error(ErrorCode::kUsage, config().architecture, "its instance loss needs a bag of one class",
                  "Switch the instance loss off.");
    add_instance_loss(loss, output, label.item<std::int64_t>(), options);
    loss.total = total_loss(loss, options);
    return loss;
  }

 protected:
  /// With a branch for every class, its logit comes from its own attention.
  void classify(const at::Tensor& z, MilOutput& output) const override {
    if (!per_class(config())) {
      output.bag_logits = linear(z, "classifiers");
      return;
    }
    std::vector<at::Tensor> logits;
    for (std::int64_t label = 0; label < config().classes; ++label)
      logits.push_back(linear(z.slice(0, label, label + 1), class_head(label)));
    output.bag_logits = at::cat(logits, 1);
  }

 private:
  static bool per_class(const MilConfig& config) { return config.architecture == "clam_mb"; }

  /// The strongest and weakest rows where the class is the bag's, else the strongest, which are evidence of nothing.
  static Chosen choose(const at::Tensor& scores, bool present, std::int64_t samples) {
    const at::Tensor order = std::get<1>(at::sort(scores.detach(), /*stable=*/true, 0, /*descending=*/true));
    const std::int64_t n = order.size(0), k = std::min(samples, n);
    const at::Tensor strongest = order.slice(0, 0, k);
    const at::Tensor evidence = at::full({k}, present ? 1 : 0, order.options());
    if (!present) return {strongest, evidence};
    return {at::cat({strongest, order.slice(0, n - k, n).flip(0)}), at::cat({evidence, at::zeros_like(evidence)})};
  }

  void add_instance_loss(MilLoss& loss, const MilOutput& output, std::int64_t label,
                         const MilLossOptions& options) const {
    std::vector<at::Tensor> targets, predicted;
    at::Tensor sum;
    for (std::int64_t c = 0; c < config().classes; ++c) {
      if (c != label && !options.subtyping) continue;
      const at::Tensor scores = output.attn_raw[per_class(config()) ? c : 0];
      const Chosen chosen = choose(scores, c == label, options.instance_samples);
      const at::Tensor logits = linear(output.instances_at(chosen.rows), instance_head(c));
      const at::Tensor term = at::cross_entropy_loss(logits, chosen.targets);
      sum = sum.defined() ? sum + term : term;
      targets.push_back(chosen.targets), predicted.push_back(logits.detach().argmax(1));
    }
    loss.instance = options.subtyping ? sum / config().classes : sum;
    loss.instance_targets = at::cat(targets), loss.instance_predicted = at::cat(predicted);
  }
};

MilRow row_of(std::string_view name, std::string_view description, bool per_class) {
  MilRow row;
  row.name = name;
  row.description = description;
  row.source = "Lu et al., Nature Biomedical Engineering 2021, arXiv 2004.09666";
  row.parameters = per_class ? "L = 512, A = 256, K = C" : "L = 512, A = 256, K = 1";
  row.dropout = 0.25;
  row.names_follow_classes = true;
  row.recognise = [name, per_class](const StateDict& state) { return recognise(state, name, per_class); };
  row.specs = [per_class](const MilConfig& config) { return specs_of(config, per_class); };
  row.make = maker<Clam>();
  row.completed = [per_class](MilConfig config) {
    config.branches = per_class ? config.classes : 1;
    return with_defaults(std::move(config), 512, 256);
  };
  return row;
}

}  // namespace

MilRow clam_sb_row() {
  return row_of("clam_sb", "CLAM, one attention branch, with its instance loss", false);
}
MilRow clam_mb_row() {
  return row_of("clam_mb", "CLAM, one attention branch for each class, with its instance loss", true);
}

}  // namespace fovea::models::mil
