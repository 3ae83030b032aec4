#include "mil/acmil_ga.h"

#include <ATen/ops/cat.h>

#include "mil/gated_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kSlideHead = "Slide_classifier.fc";

std::string branch_head(std::int64_t branch) {
  return "classifier." + std::to_string(branch) + ".fc";
}

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  auto specs = gated_specs(config);
  for (std::int64_t branch = 0; branch < config.branches; ++branch)
    add_linear(specs, branch_head(branch), config.classes, config.inner);
  add_linear(specs, kSlideHead, config.classes, config.inner);
  return specs;
}

class AcmilGa final : public GatedMil {
 public:
  AcmilGa(const MilConfig& config, StateDict state) : GatedMil(config, specs_of(config), std::move(state)) {}

 protected:
  /// The published second pass over the bag is unnecessary: the mean of attentions pools to the mean of the pooled
  /// vectors.
  void classify(const at::Tensor& z, MilOutput& output) const override {
    std::vector<at::Tensor> logits;
    for (std::int64_t branch = 0; branch < config().branches; ++branch)
      logits.push_back(linear(z.slice(0, branch, branch + 1), branch_head(branch)));
    output.branch_logits = at::cat(logits);
    output.bag_logits = linear(z.mean(0, true), kSlideHead);
  }
};

}  // namespace

MilRow acmil_ga_row() {
  MilRow row;
  row.name = "acmil_ga";
  row.description = "Attention-challenging MIL: K gated attention branches";
  row.source = "Zhang et al., ECCV 2024, arXiv 2311.07125";
  row.parameters = "L = D/2, A = 128, K = 5";
  row.recognise = [](const StateDict& state) { return recognise_gated(state, "acmil_ga", kSlideHead); };
  row.specs = specs_of;
  row.make = maker<AcmilGa>();
  row.completed = [](MilConfig config) {
    if (config.branches == 0) config.branches = 5;
    return completed_gated(std::move(config));
  };
  return row;
}

}  // namespace fovea::models::mil
