// Gates of shared and routed heads per token, and the loss that keeps routed heads in use.
#include <fovea/models/attention_terms.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "attention/terms/terms.h"

namespace fovea::attention {
namespace {

const char* const kSubject = "mixture of heads";

void check_projection(const at::Tensor& weight, std::int64_t width) {
  terms::require_shape(weight.defined() && weight.dim() == 2 && weight.size(1) == width && weight.size(0) > 0, kSubject,
                       "a router does not fit tokens of width " + std::to_string(width),
                       "Use the weights of the same model.");
}

}  // namespace

HeadGates head_gates(const at::Tensor& x, const HeadRouter& router) {
  terms::require_shape(x.dim() == 2 && x.size(0) > 0, kSubject, "there is no token", "Give tokens as [N, C].");
  check_projection(router.routed, x.size(1));
  const std::int64_t routed = router.routed.size(0);
  terms::require_usage(router.top_k >= 1 && router.top_k <= routed, kSubject,
                       "the number of chosen heads is not between 1 and " + std::to_string(routed),
                       "Choose fewer heads.");
  HeadGates result;
  const at::Tensor p = at::softmax(at::linear(x, router.routed), 1);
  result.chosen =
      at::zeros(p.sizes(), p.options().dtype(at::kBool)).scatter(1, terms::top_indices(p, router.top_k), true);
  const at::Tensor kept = p * result.chosen;
  result.gates = kept / kept.sum(1, true) * static_cast<double>(router.top_k);
  const at::Tensor used = result.chosen.to(p.scalar_type()).mean(0);
  result.balance_loss = (p.mean(0) * used).mean() * static_cast<double>(routed * routed);
  if (!router.shared.defined()) return result;
  check_projection(router.shared, x.size(1));
  check_projection(router.balance, x.size(1));
  terms::require_shape(router.balance.size(0) == 2, kSubject, "the balance has not two outputs",
                       "Use the weights of the same model.");
  const at::Tensor shared = at::softmax(at::linear(x, router.shared), 1) * static_cast<double>(router.shared.size(0));
  const at::Tensor balance = at::softmax(at::linear(x, router.balance), 1) * 2.0;
  result.gates = at::cat({shared * balance.slice(1, 0, 1), result.gates * balance.slice(1, 1, 2)}, 1);
  return result;
}

at::Tensor gated_heads(const at::Tensor& heads, const at::Tensor& gates) {
  terms::require_shape(
      heads.dim() == 3 && gates.dim() == 2 && heads.size(0) == gates.size(0) && heads.size(1) == gates.size(1),
      kSubject, "head outputs and gates disagree in shape", "Give one gate per token and head.");
  return heads * gates.unsqueeze(2);
}

}  // namespace fovea::attention
