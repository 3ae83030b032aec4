// The Gram of branch weights as attention.md 3.3 and 4.2 define it, differentiable through autograd.
#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>

#include <fovea/models/attention.h>

#include "attention/ops/softmax_state.h"

namespace fovea::attention::ops {

at::Tensor reference_gram(const at::Tensor& scores) {
  const at::Tensor weights = weights_of(scores);
  return weights.mm(weights.t());
}

}  // namespace fovea::attention::ops
