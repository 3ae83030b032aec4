// Mean cosine between branches, from their Gram matrix.
#include <fovea/models/attention_terms.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include "attention/terms/terms.h"

namespace fovea::attention {

at::Tensor diversity(const at::Tensor& weights) {
  constexpr double kEps = 1e-8;
  terms::require_shape(weights.dim() >= 2, "branch diversity", "the weights are not [.., K, N]",
                       "Give one row of weights per branch.");
  terms::require_instances(weights, "branch diversity");
  const std::int64_t branches = weights.size(-2);
  if (branches < 2) return at::zeros({}, weights.options());
  const at::Tensor gram = at::matmul(weights, weights.transpose(-2, -1));
  const at::Tensor squares = gram.diagonal(0, -2, -1);
  // The square root has no finite slope at 0.
  const at::Tensor norms = squares.clamp_min(kEps * kEps).sqrt();
  const at::Tensor zero = squares.detach().eq(0);
  const at::Tensor cosines = gram / (norms.unsqueeze(-1) * norms.unsqueeze(-2));
  const at::Tensor ignored =
      zero.unsqueeze(-1).logical_or(zero.unsqueeze(-2)).logical_or(at::eye(branches, zero.options()));
  const auto pairs = static_cast<double>(branches * (branches - 1));
  return cosines.masked_fill(ignored, 0.0).sum({-2, -1}).mean() / pairs;
}

}  // namespace fovea::attention
