// The oracle of learned-query pooling: mil.md 1.5 before any folding.
#include "attention/minus_infinity.h"
#include "attention/ops/query_pool.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>

#include "attention/ops/self_attention.h"

namespace fovea::attention::ops {
namespace {

c10::optional<at::Tensor> optional(const at::Tensor& bias) {
  return bias.defined() ? c10::make_optional(bias) : c10::nullopt;
}

/// [n, L] -> [h, n, L / h]
at::Tensor heads_first(const at::Tensor& x, std::int64_t heads) {
  return x.reshape({x.size(0), heads, -1}).transpose(0, 1);
}

}  // namespace

QueryPooled reference_query_pool(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights,
                                 std::int64_t heads, const c10::optional<at::Tensor>& keep) {
  const at::Tensor queries = heads_first(at::linear(q, weights.wq, optional(weights.bq)), heads);
  const at::Tensor keys = heads_first(at::linear(x, weights.wk, optional(weights.bk)), heads);
  const at::Tensor values = heads_first(at::linear(x, weights.wv, optional(weights.bv)), heads);
  at::Tensor scores = at::matmul(queries, keys.transpose(1, 2)) / std::sqrt(static_cast<double>(queries.size(2)));
  if (keep) scores = scores.masked_fill(keep->logical_not(), kMinusInfinity);
  const Softmax soft = softmax_of(scores);
  return {at::matmul(soft.weights, values).transpose(0, 1).reshape({q.size(0), -1}), scores, soft.lse()};
}

}  // namespace fovea::attention::ops
