#include <fovea/models/score_bound.h>

#include <ATen/TensorOperators.h>

#include "mil/gated_mil.h"

namespace fovea::models {

std::optional<std::vector<double>> score_upper_bounds(const MilModel& model) {
  const auto* gated = dynamic_cast<const mil::GatedMil*>(&model);
  if (!gated) return {};
  const attention::GateWeights gate = gated->gate();
  at::Tensor bounds = gate.w.detach().to(at::kDouble).abs().sum(1);
  if (gate.b.defined()) bounds = bounds + gate.b.detach().to(at::kDouble);
  bounds = bounds.contiguous();
  const double* first = bounds.const_data_ptr<double>();
  return std::vector<double>(first, first + bounds.numel());
}

}  // namespace fovea::models
