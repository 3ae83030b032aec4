// Whether two maps over the same instances say the same, and what a part's absence changes.
#include <fovea/models/attention_diagnostics.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "attention/terms/terms.h"

namespace fovea::attention {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

at::Tensor flat(const at::Tensor& values) {
  return values.detach().to(at::kDouble).flatten();
}

void check_pair(const at::Tensor& a, const at::Tensor& b) {
  terms::require_shape(a.numel() == b.numel(), "agreement of maps", "the maps cover different numbers of instances",
                       "Compare maps of the same bag.");
  terms::require_shape(a.numel() > 0, "agreement of maps", "the maps hold no instance",
                       "Check the tissue mask or the feature file.");
}

bool constant(const at::Tensor& values) {
  return values.max().item<double>() == values.min().item<double>();
}
bool has_nan(const at::Tensor& values) {
  return at::isnan(values).any().item<bool>();
}

}  // namespace

double pearson(const at::Tensor& a, const at::Tensor& b) {
  check_pair(a, b);
  const at::NoGradGuard no_grad;
  at::Tensor x = flat(a), y = flat(b);
  // Asked of the values: after subtracting the mean, rounding makes a constant map look like one that varies.
  if (has_nan(x) || has_nan(y) || constant(x) || constant(y)) return kNaN;
  x = x - x.mean(), y = y - y.mean();
  x = x / x.abs().max(), y = y / y.abs().max();
  const double covariance = x.dot(y).item<double>(),
               spread = std::sqrt(x.dot(x).item<double>() * y.dot(y).item<double>());
  return std::clamp(covariance / spread, -1.0, 1.0);
}

at::Tensor average_ranks(const at::Tensor& values) {
  const at::NoGradGuard no_grad;
  const at::Tensor v = flat(values).to(at::kCPU).contiguous();
  const double* value = v.const_data_ptr<double>();
  const auto count = static_cast<std::size_t>(v.numel());
  at::Tensor ranks = at::empty({v.numel()}, at::kDouble);
  if (count > 0 && has_nan(v)) return ranks.fill_(kNaN).to(values.device());
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return value[i] < value[j]; });
  double* rank = ranks.mutable_data_ptr<double>();
  for (std::size_t first = 0, end = 0; first < count; first = end) {
    while (end < count && value[order[end]] == value[order[first]]) ++end;
    const double shared = 0.5 * static_cast<double>(first + 1 + end);
    for (std::size_t i = first; i < end; ++i) rank[order[i]] = shared;
  }
  return ranks.to(values.device());
}

double spearman(const at::Tensor& a, const at::Tensor& b) {
  check_pair(a, b);
  return pearson(average_ranks(a), average_ranks(b));
}

double topk_overlap(const at::Tensor& a, const at::Tensor& b, std::int64_t k) {
  check_pair(a, b);
  terms::require_usage(k >= 1, "agreement of maps", "the number of strongest instances is not positive",
                       "Ask for one or more.");
  const at::NoGradGuard no_grad;
  const at::Tensor x = flat(a), y = flat(b).to(a.device());
  if (has_nan(x) || has_nan(y)) return kNaN;
  const std::int64_t count = std::min(k, x.numel());
  const auto strongest = [&](const at::Tensor& map) {
    return at::zeros({map.numel()}, map.options().dtype(at::kBool)).scatter(0, terms::top_indices(map, count), true);
  };
  const at::Tensor both = strongest(x).logical_and(strongest(y));
  return static_cast<double>(both.sum().item<std::int64_t>()) / static_cast<double>(count);
}

Agreement agreement(const at::Tensor& map, const at::Tensor& saliency, std::int64_t k) {
  return {pearson(map, saliency), spearman(map, saliency), topk_overlap(map, saliency, k)};
}

Divergence ablation_divergence(const at::Tensor& full, const at::Tensor& ablated) {
  terms::require_shape(full.dim() >= 1 && full.sizes() == ablated.sizes() && full.numel() > 0, "ablation",
                       "outputs with and without the part disagree in shape",
                       "Compare the same gates of the same case.");
  const at::NoGradGuard no_grad;
  const at::Tensor f = full.to(at::kDouble).reshape({full.size(0), -1}),
                   a = ablated.to(at::kDouble).reshape({full.size(0), -1});
  const at::Tensor f_norm = f.square().sum(1).sqrt(), a_norm = a.square().sum(1).sqrt();
  const at::Tensor neither = f_norm.eq(0).logical_and(a_norm.eq(0)), one = f_norm.eq(0).logical_xor(a_norm.eq(0));
  Divergence result;
  result.relative_l2 = ((f - a).square().sum(1).sqrt() / f_norm).masked_fill(neither, 0.0);
  const at::Tensor cosine = (f / f_norm.unsqueeze(1)).mul(a / a_norm.unsqueeze(1)).sum(1).clamp(-1, 1);
  result.cosine_change = (1 - cosine).masked_fill(neither, 0.0).masked_fill(one, 1.0);
  return result;
}

at::Tensor branch_loss_changes(const at::Tensor& z, const std::function<double(const at::Tensor& z)>& loss) {
  terms::require_shape(z.dim() == 2 && z.size(0) > 1, "ablation", "there is no second branch to leave",
                       "Mask a branch of several.");
  const at::NoGradGuard no_grad;
  const double whole = loss(z);
  at::Tensor changes = at::empty({z.size(0)}, at::kDouble);
  for (std::int64_t k = 0; k < z.size(0); ++k)
    changes.mutable_data_ptr<double>()[k] = loss(at::cat({z.slice(0, 0, k), z.slice(0, k + 1)})) - whole;
  return changes;
}

}  // namespace fovea::attention
