#include "mil/abmil.h"

#include "mil/gated_mil.h"

namespace fovea::models::mil {
namespace {

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  auto specs = gated_specs(config);
  add_head(specs, "classifier", config);
  return specs;
}

class Abmil final : public GatedMil {
 public:
  Abmil(const MilConfig& config, StateDict state) : GatedMil(config, specs_of(config), std::move(state)) {}

 protected:
  void classify(const at::Tensor& z, MilOutput& output) const override { output.bag_logits = head(z, "classifier"); }
};

}  // namespace

MilRow abmil_row() {
  return {"abmil",
          "Gated attention pooling with one branch (also what AEM trains)",
          "Ilse et al. 2018, arXiv 1802.04712; AEM, arXiv 2406.15303",
          "L = D/2, A = 128, K = 1",
          [](const StateDict& state) {
            auto config = recognise_gated(state, "abmil", "classifier");
            return config && config->branches == 1 ? config : std::nullopt;
          },
          specs_of,
          [](const MilConfig& config, StateDict state) -> std::unique_ptr<MilModel> {
            return std::make_unique<Abmil>(config, std::move(state));
          }};
}

}  // namespace fovea::models::mil
