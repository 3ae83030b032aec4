// What ABMIL, ACMIL-GA and CLAM share: a first layer, gated attention, and how a pooled bag becomes logits.
#pragma once

#include <fovea/models/attention.h>

#include "mil/named_mil.h"

namespace fovea::models::mil {

/// Where the layers stand in the state dict; `u` is empty for plain attention without the sigmoid gate.
struct GatedNames {
  std::string front, v, u, w;
};

/// Names and shapes of mil.md 1.1 and 1.2.
std::vector<TensorSpec> gated_specs(const MilConfig& config);
/// D, L, A, K from the shared part and C from `head`; nothing when a tensor is missing or has another rank.
std::optional<MilConfig> recognise_gated(const StateDict& state, std::string_view architecture,
                                         const std::string& head);
/// L = round(D / 2), A = 128.
MilConfig completed_gated(MilConfig config);

/// A network = how pooled vectors become logits; everything else is here.
class GatedMil : public NamedMil {
 public:
  GatedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state);
  GatedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state, GatedNames names)
      : NamedMil(std::move(config), std::move(specs), std::move(state)), names_(std::move(names)) {}
  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override;
  std::unique_ptr<MilStream> stream() const override;
  attention::GateWeights gate() const;

 protected:
  /// Fills branch_logits and bag_logits from z [K, L].
  virtual void classify(const at::Tensor& z, MilOutput& output) const = 0;

 private:
  class Stream;
  at::Tensor reduce(const at::Tensor& rows) const;
  MilOutput output_of(const attention::Pooled& pooled) const;
  void add_head(MilOutput& output) const;
  MilOutput forward_in_pieces(const at::Tensor& bag, const MilStep& step) const;
  /// bool [K, N], true = takes part; undefined where nothing is masked.
  at::Tensor kept_scores(const at::Tensor& bag, const MilStep& step) const;
  GatedNames names_;
};

}  // namespace fovea::models::mil
