#include "mil/acmil_ga.h"

#include <ATen/ops/cat.h>

#include "mil/gated_mil.h"

namespace fovea::models::mil {
namespace {

std::string branch_head(std::int64_t branch) {
  return "classifier." + std::to_string(branch);
}

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  auto specs = gated_specs(config);
  for (std::int64_t branch = 0; branch < config.branches; ++branch) add_head(specs, branch_head(branch), config);
  add_head(specs, "Slide_classifier", config);
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
      logits.push_back(head(z.slice(0, branch, branch + 1), branch_head(branch)));
    output.branch_logits = at::cat(logits);
    output.bag_logits = head(z.mean(0, true), "Slide_classifier");
  }
};

}  // namespace

MilRow acmil_ga_row() {
  return {"acmil_ga",
          "Attention-challenging MIL: K gated attention branches",
          "Zhang et al., ECCV 2024, arXiv 2311.07125",
          "L = D/2, A = 128, K = 5",
          [](const StateDict& state) { return recognise_gated(state, "acmil_ga", "Slide_classifier"); },
          specs_of,
          [](const MilConfig& config, StateDict state) -> std::unique_ptr<MilModel> {
            return std::make_unique<AcmilGa>(config, std::move(state));
          }};
}

}  // namespace fovea::models::mil
