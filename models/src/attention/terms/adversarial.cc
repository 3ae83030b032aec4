// Adversarial and virtual adversarial attention: one gradient with respect to the logits, one more pooling.
#include <fovea/models/attention_terms.h>

#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/terms/terms.h"

namespace fovea::attention {
namespace {

/// Rows scaled to `length`, by their largest entry first: squares of small gradients would vanish in float32. Rows of
/// zeros stay.
at::Tensor of_length(const at::Tensor& rows, double length) {
  const at::Tensor largest = at::amax(rows.abs(), {1}, true);
  const at::Tensor zero = largest.eq(0);
  const at::Tensor scaled = rows / largest.masked_fill(zero, 1.0);
  return length * scaled / scaled.square().sum(1, true).sqrt().masked_fill(zero, 1.0);
}

/// d value / d leaf alone: gradients of parameters that a training step collects are left as they are.
at::Tensor gradient_at(at::Tensor leaf, const std::function<at::Tensor(const at::Tensor&)>& value) {
  const at::AutoGradMode with_gradients(true);
  leaf = leaf.detach().clone().set_requires_grad(true);
  const at::Tensor result = value(leaf);
  if (!result.requires_grad()) return at::zeros_like(leaf, leaf.options().requires_grad(false));
  result.backward({}, c10::nullopt, false, at::TensorList(leaf));
  return leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf.detach());
}

void check_shapes(const at::Tensor& scores, const at::Tensor& x) {
  terms::require_shape(scores.dim() == 2 && x.dim() == 2 && scores.size(1) == x.size(0), "adversarial attention",
                       "scores and rows disagree in number", "Give one score per branch and row.");
  terms::require_instances(scores, "adversarial attention");
}

/// KL(p | q) from logits, mean over rows. Centring changes no probability, but its backward pass removes the part of q
/// - p that is common to all classes: rounding alone, which near q = p is not small beside the difference.
at::Tensor divergence(const at::Tensor& p_logits, const at::Tensor& q_logits) {
  const at::Tensor log_p = at::log_softmax(p_logits, -1);
  const at::Tensor log_q = at::log_softmax(q_logits - q_logits.mean(-1, true), -1);
  return (log_p.exp() * (log_p - log_q)).sum(-1).mean();
}

}  // namespace

PooledHead mean_head(const at::Tensor& weight, const at::Tensor& bias) {
  return [weight, bias](const at::Tensor& z) {
    const at::Tensor mean = z.mean(0, true);
    return bias.defined() ? at::linear(mean, weight.to(z.scalar_type()), bias.to(z.scalar_type()))
                          : at::linear(mean, weight.to(z.scalar_type()));
  };
}

Adversarial adversarial_attention(const at::Tensor& scores, const at::Tensor& x, const PooledLoss& loss, double eps) {
  check_shapes(scores, x);
  const at::Tensor rows = x.detach();
  Adversarial result;
  result.gradient = gradient_at(scores, [&](const at::Tensor& s) { return loss(score_pool(s, rows).z); });
  result.perturbation = of_length(result.gradient, eps);
  result.loss = loss(score_pool(scores + result.perturbation, x).z);
  return result;
}

Adversarial virtual_adversarial_attention(const at::Tensor& scores, const at::Tensor& x, const PooledHead& head,
                                          const at::Tensor& direction, const VirtualOptions& options) {
  check_shapes(scores, x);
  terms::require_shape(direction.sizes() == scores.sizes(), "adversarial attention",
                       "the direction is not shaped like the scores", "Make it with random_direction.");
  const at::Tensor exact = scores.detach().to(at::kDouble), rows = x.detach().to(at::kDouble);
  const auto logits = [&](const at::Tensor& s) { return head(score_pool(s, rows).z); };
  const at::Tensor absent = exact.eq(kMinusInfinity);
  const at::Tensor start = of_length(direction.detach().to(at::kDouble).masked_fill(absent, 0.0), options.xi);
  const at::Tensor clean = logits(exact).detach();
  const at::Tensor probe =
      gradient_at(start, [&](const at::Tensor& d) { return divergence(clean, logits(exact + d)); });
  Adversarial result;
  result.gradient = probe.to(scores.scalar_type());
  result.perturbation = of_length(probe, options.eps).to(scores.scalar_type());
  const at::Tensor target = head(score_pool(scores, x).z).detach();
  result.loss = divergence(target, head(score_pool(scores + result.perturbation, x).z));
  return result;
}

at::Tensor random_direction(const at::Tensor& scores, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  at::Tensor direction = at::empty(scores.sizes(), at::kDouble);
  double* values = direction.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < direction.numel(); ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - terms::uniform(engine)));
    values[i] = radius * std::cos(2 * std::numbers::pi * terms::uniform(engine));
  }
  return direction.to(scores.device());
}

}  // namespace fovea::attention
