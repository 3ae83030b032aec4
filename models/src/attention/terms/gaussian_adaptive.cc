// Weights from how far an entry lies from the mean along one axis.
#include <fovea/models/attention_terms.h>

#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/var.h>
#include <ATen/ops/zeros_like.h>

#include "attention/terms/terms.h"

namespace fovea::attention {

GaussianAttention gaussian_adaptive(const at::Tensor& x, const at::Tensor& widths, const at::Tensor& offsets,
                                    std::int64_t dim, double eps) {
  const std::string subject = "Gaussian adaptive attention";
  terms::require_shape(dim >= -x.dim() && dim < x.dim(), subject, "the tensor has no such axis",
                       "Give an axis of the input.");
  terms::require_shape(x.size(dim) > 1, subject, "a variance needs two entries along the axis",
                       "Choose an axis with at least two entries.");
  terms::require_shape(widths.dim() == 1 && widths.sizes() == offsets.sizes() && widths.size(0) > 0, subject,
                       "widths and offsets disagree in number", "Give one width and one offset per Gaussian.");
  const at::Tensor centred = x - x.mean(dim, true);
  const at::Tensor variance = at::var(x, at::OptionalIntArrayRef(dim), /*unbiased=*/true, /*keepdim=*/true) + eps;
  at::Tensor exponent = at::zeros_like(x);
  for (std::int64_t g = 0; g < widths.size(0); ++g) {
    const at::Tensor distance = centred - offsets.select(0, g);
    exponent = exponent - distance.square() / (2.0 * widths.select(0, g).square() * variance);
  }
  const at::Tensor product = exponent.exp() / (2 * std::numbers::pi * widths.square()).sqrt().prod();
  const at::Tensor weights = product / product.sum(dim, true).clamp_min(eps);
  return {x * weights, weights};
}

}  // namespace fovea::attention
