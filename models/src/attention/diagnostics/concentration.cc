// How concentrated attention is, how concentrated it could be, and keys that take much from everyone.
#include <fovea/models/attention_diagnostics.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/xlogy.h>

#include "attention/terms/terms.h"

namespace fovea::attention {

Concentration concentration(const at::Tensor& weights, std::int64_t k) {
  terms::require_instances(weights, "attention concentration");
  terms::require_usage(k >= 1, "attention concentration", "the number of strongest instances is not positive",
                       "Ask for one or more.");
  const at::NoGradGuard no_grad;
  const at::Tensor given = weights.to(at::kDouble), total = given.sum(-1, true), empty = total.eq(0);
  const at::Tensor a = given / total.masked_fill(empty, 1.0);
  const std::int64_t n = a.size(-1);
  const at::Tensor ascending = std::get<0>(at::sort(a, -1));
  Concentration result;
  result.entropy = -at::xlogy(a, a).sum(-1);
  result.effective_number = result.entropy.exp().masked_fill(empty.squeeze(-1), 0.0);
  result.normalised_entropy = n > 1 ? result.entropy / std::log(static_cast<double>(n)) : result.entropy * 0;
  result.topk_mass = ascending.slice(-1, std::max<std::int64_t>(0, n - k)).sum(-1);
  result.largest = ascending.select(-1, n - 1);
  const at::Tensor place = 2 * at::arange(1, n + 1, a.options()) - static_cast<double>(n + 1);
  result.gini = (ascending * place).sum(-1) / static_cast<double>(n);
  return result;
}

double weight_at_margin(std::int64_t instances, double margin) {
  terms::require_shape(instances > 0, "attention dilution", "the bag holds no instance",
                       "Check the tissue mask or the feature file.");
  if (instances == 1) return 1;
  return 1 / (1 + static_cast<double>(instances - 1) * std::exp(-margin));
}

double needed_margin(std::int64_t instances, double share) {
  terms::require_shape(instances > 0, "attention dilution", "the bag holds no instance",
                       "Check the tissue mask or the feature file.");
  terms::require_usage(share > 0 && share < 1, "attention dilution", "the weight is not between 0 and 1",
                       "Give a weight such as 0.5.");
  return std::log(static_cast<double>(instances - 1)) + std::log(share / (1 - share));
}

at::Tensor available_margin(const GateWeights& weights) {
  const at::NoGradGuard no_grad;
  return 2.0 * weights.w.to(at::kDouble).abs().sum(1);
}

at::Tensor sink_scores(const at::Tensor& attention, bool causal) {
  const char* const subject = "attention sinks";
  terms::require_shape(attention.dim() >= 2 && attention.size(-2) > 0, subject, "there is no query",
                       "Give attention as [.., Q, N].");
  terms::require_instances(attention, subject);
  const at::NoGradGuard no_grad;
  const at::Tensor a = attention.to(at::kDouble);
  if (!causal) return a.mean(-2);
  const std::int64_t n = a.size(-1);
  terms::require_shape(a.size(-2) == n, subject, "causal attention is not square", "Give as many queries as keys.");
  return at::tril(a).sum(-2) / at::arange(n, 0, -1, a.options());
}

at::Tensor sinks(const at::Tensor& scores, double threshold) {
  const at::NoGradGuard no_grad;
  return scores.gt(threshold);
}

at::Tensor secondary_sinks(const at::Tensor& hidden, std::int64_t primary, double threshold) {
  const char* const subject = "secondary attention sinks";
  terms::require_shape(hidden.dim() == 2, subject, "hidden states are not [N, C]", "Give one row per token.");
  terms::require_shape(primary >= 0 && primary < hidden.size(0), subject, "the primary sink is not one of the tokens",
                       "Give its index.");
  const at::NoGradGuard no_grad;
  const at::Tensor rows = hidden.to(at::kDouble);
  const at::Tensor norms = rows.square().sum(1).sqrt();
  const at::Tensor products = rows.mv(rows.select(0, primary)).abs();
  at::Tensor found = products.gt(norms * norms.select(0, primary) * threshold);
  found.select(0, primary).fill_(false);
  return found;
}

}  // namespace fovea::attention
