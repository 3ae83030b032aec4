#include "mil/abmil.h"

#include "mil/gated_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kHead = "classifier.fc";

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  auto specs = gated_specs(config);
  add_linear(specs, kHead, config.classes, config.inner);
  return specs;
}

class Abmil final : public GatedMil {
 public:
  Abmil(const MilConfig& config, StateDict state) : GatedMil(config, specs_of(config), std::move(state)) {}

 protected:
  void classify(const at::Tensor& z, MilOutput& output) const override { output.bag_logits = linear(z, kHead); }
};

}  // namespace

MilRow abmil_row() {
  MilRow row;
  row.name = "abmil";
  row.description = "Gated attention pooling with one branch (also what AEM trains)";
  row.source = "Ilse et al. 2018, arXiv 1802.04712; AEM, arXiv 2406.15303";
  row.parameters = "L = D/2, A = 128, K = 1";
  row.recognise = [](const StateDict& state) {
    auto config = recognise_gated(state, "abmil", kHead);
    return config && config->branches == 1 ? config : std::nullopt;
  };
  row.specs = specs_of;
  row.make = maker<Abmil>();
  row.completed = [](MilConfig config) {
    config.branches = 1;
    return completed_gated(std::move(config));
  };
  return row;
}

}  // namespace fovea::models::mil
