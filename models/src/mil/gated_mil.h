// What ABMIL and ACMIL-GA share: dimension reduction, gated attention, and how a pooled bag becomes logits.
#pragma once

#include <fovea/models/attention.h>
#include <fovea/models/mil.h>

namespace fovea::models::mil {

/// Names and shapes of mil.md 1.1 and 1.2.
std::vector<TensorSpec> gated_specs(const MilConfig& config);
void add_head(std::vector<TensorSpec>& specs, const std::string& name, const MilConfig& config);
/// D, L, A, K from the shared part and C from `head`; nothing when a tensor is missing or has another rank.
std::optional<MilConfig> recognise_gated(const StateDict& state, std::string_view architecture,
                                         const std::string& head);

/// A network = how pooled vectors become logits; everything else is here.
class GatedMil : public MilModel {
 public:
  GatedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state);
  const MilConfig& config() const override { return config_; }
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  const StateDict& state() const override { return state_; }
  MilOutput forward(const at::Tensor& bag, const std::optional<at::Tensor>& masked) const override;
  std::unique_ptr<MilStream> stream() const override;

 protected:
  /// Fills branch_logits and bag_logits from z [K, L].
  virtual void classify(const at::Tensor& z, MilOutput& output) const = 0;
  at::Tensor head(const at::Tensor& z, const std::string& name) const;

 private:
  class Stream;
  at::Tensor reduce(const at::Tensor& rows) const;
  attention::GateWeights gate() const;
  MilOutput output_of(const attention::Pooled& pooled) const;
  MilConfig config_;
  std::vector<TensorSpec> specs_;
  StateDict state_;
};

}  // namespace fovea::models::mil
