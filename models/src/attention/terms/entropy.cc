// AEM's negative entropy, over all instances or the strongest, and the annealing of its weight.
#include <fovea/models/attention_terms.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>

#include "attention/minus_infinity.h"
#include "attention/terms/terms.h"

namespace fovea::attention {

at::Tensor negative_entropy(const at::Tensor& scores, const EntropyOptions& options) {
  terms::require_instances(scores, "attention entropy");
  terms::require_usage(options.top_k >= 0, "attention entropy", "the number of instances is negative",
                       "Give 0 for all instances.");
  const bool some = options.top_k > 0 && options.top_k < scores.size(-1);
  const at::Tensor chosen = some ? scores.gather(-1, terms::top_indices(scores, options.top_k)) : scores;
  const at::Tensor absent = chosen.detach().eq(kMinusInfinity);
  const at::Tensor empty = absent.all(-1, true);
  const at::Tensor safe = chosen.masked_fill(empty, 0.0);
  const at::Tensor shifted = safe - at::amax(safe.detach(), {-1}, true);
  const at::Tensor log_sum = shifted.exp().sum(-1, true).log();
  const at::Tensor weights = (shifted - log_sum).exp();
  const at::Tensor log_weights = shifted.masked_fill(absent, 0.0) - log_sum;
  at::Tensor sum = (weights * log_weights).masked_fill(empty, 0.0).sum(-1);
  if (!options.normalise) return sum;
  const at::Tensor count = absent.logical_not().sum(-1).to(sum.scalar_type());
  return sum / count.clamp_min(2).log();
}

double annealed_weight(double start, double time, double total) {
  terms::require_usage(total > 0, "annealed weight", "the schedule has no length", "Give the number of epochs.");
  return 0.5 * start * (1 + std::cos(std::numbers::pi * std::clamp(time / total, 0.0, 1.0)));
}

}  // namespace fovea::attention
