#include "attention/ops/mean_cosine.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>

namespace fovea::attention::ops {

at::Tensor mean_cosine(const at::Tensor& gram) {
  constexpr double kEps = 1e-8;  // least norm, as the official loss takes it
  const std::int64_t branches = gram.size(-1);
  if (branches < 2) return at::zeros({}, gram.options());
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

}  // namespace fovea::attention::ops
