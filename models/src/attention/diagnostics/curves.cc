// Deletion and insertion curves: does the class follow the instances that the map points at?
#include <fovea/models/attention_diagnostics.h>

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/zeros.h>

#include "attention/terms/terms.h"

namespace fovea::attention {
namespace {

double mean_height(const Curve& curve) {
  const double range = curve.share.back() - curve.share.front();
  if (range <= 0) return curve.probability.front();
  double area = 0;
  for (std::size_t i = 1; i < curve.share.size(); ++i)
    area += 0.5 * (curve.probability[i] + curve.probability[i - 1]) * (curve.share[i] - curve.share[i - 1]);
  return area / range;
}

/// Between `first` and `first + N - 1` of the strongest instances are marked; they stay (insertion) or go (deletion).
Curve curve_of(const at::Tensor& map, const ClassProbability& probability, std::int64_t steps, bool insert) {
  const char* const subject = "deletion and insertion curve";
  terms::require_shape(map.dim() == 1, subject, "the map is not [N]", "Give one value per instance.");
  terms::require_instances(map, subject);
  terms::require_usage(steps >= 1, subject, "the number of steps is not positive", "Ask for one step or more.");
  terms::require_usage(!at::isnan(map).any().item<bool>(), subject, "the map holds NaN",
                       "Check the scores that it was made from.");
  const at::NoGradGuard no_grad;
  const std::int64_t last = map.size(0) - 1, count = std::min(steps, std::max<std::int64_t>(last, 1));
  const at::Tensor order = terms::top_indices(map, map.size(0));
  Curve curve;
  for (std::int64_t i = 0; i <= (last == 0 ? 0 : count); ++i) {
    const std::int64_t marked = (insert ? 1 : 0) + i * last / count;
    const at::Tensor strong =
        at::zeros({map.size(0)}, map.options().dtype(at::kBool)).scatter(0, order.slice(0, 0, marked), true);
    curve.share.push_back(static_cast<double>(marked) / static_cast<double>(map.size(0)));
    curve.probability.push_back(probability(insert ? strong : strong.logical_not()));
  }
  curve.area = mean_height(curve);
  return curve;
}

}  // namespace

Curve deletion_curve(const at::Tensor& map, const ClassProbability& probability, std::int64_t steps) {
  return curve_of(map, probability, steps, false);
}

Curve insertion_curve(const at::Tensor& map, const ClassProbability& probability, std::int64_t steps) {
  return curve_of(map, probability, steps, true);
}

}  // namespace fovea::attention
