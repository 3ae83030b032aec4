// Mean cosine between branches, from their Gram matrix.
#include <fovea/models/attention_terms.h>

#include <ATen/ops/matmul.h>

#include "attention/ops/mean_cosine.h"
#include "attention/terms/terms.h"

namespace fovea::attention {

at::Tensor diversity(const at::Tensor& weights) {
  terms::require_shape(weights.dim() >= 2, "branch diversity", "the weights are not [.., K, N]",
                       "Give one row of weights per branch.");
  terms::require_instances(weights, "branch diversity");
  return ops::mean_cosine(at::matmul(weights, weights.transpose(-2, -1)));
}

}  // namespace fovea::attention
