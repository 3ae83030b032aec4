// Learned-query pooling, folded (mil.md 1.5): s = x (Wk^T Q) + bk Q, z = Wv (a x) + bv sum a.
#include <fovea/models/self_attention.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/ops/pool.h"
#include "attention/ops/query_pool.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention {
namespace {

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "learned-query pooling", problem, remedy);
}

c10::optional<at::Tensor> optional(const at::Tensor& bias) {
  return bias.defined() ? c10::make_optional(bias) : c10::nullopt;
}

void check(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights, std::int64_t heads) {
  if (x.dim() != 2 || x.size(1) != weights.wk.size(1))
    bad("the rows are not of width " + std::to_string(weights.wk.size(1)),
        "Use features of the encoder that the model was trained with.");
  if (q.dim() != 2 || q.size(1) != weights.wq.size(1))
    bad("the queries do not fit their projection", "Give [queries, channels].");
  if (heads < 1 || weights.wq.size(0) % heads != 0 || weights.wk.size(0) != weights.wq.size(0))
    bad("a width of " + std::to_string(weights.wq.size(0)) + " is not divided by " + std::to_string(heads) + " heads",
        "Choose heads that divide the width.");
  if (weights.wv.size(1) != x.size(1) || weights.wv.size(0) % heads != 0)
    bad("the value projection does not fit the rows and heads",
        "Give [width, channels] with a width that heads divide.");
  if (x.size(0) == 0) bad("the bag holds no instance", "Check the tissue mask or the feature file.");
}

/// [h, Q, D] pooled rows and [h, Q, 1] sums of their weights -> heads side by side, [Q, L].
at::Tensor values_of(const at::Tensor& pooled, const at::Tensor& totals, const at::Tensor& wv, const at::Tensor& bv) {
  const std::int64_t heads = pooled.size(0);
  at::Tensor values = at::bmm(pooled, wv.reshape({heads, -1, wv.size(1)}).transpose(1, 2));
  if (bv.defined()) values = values + totals * bv.reshape({heads, 1, -1});
  return values.transpose(0, 1).reshape({pooled.size(1), -1});
}

/// `keep` as [h Q, N], or undefined.
at::Tensor rows_mask(const c10::optional<at::Tensor>& keep, std::int64_t heads, std::int64_t queries, std::int64_t n) {
  if (!keep) return {};
  const std::vector<std::int64_t> scores{heads, queries, n};
  bool fits = keep->scalar_type() == at::kBool && keep->dim() <= 3;
  for (std::int64_t i = 1; fits && i <= keep->dim(); ++i)
    fits = keep->size(-i) == 1 || keep->size(-i) == scores[static_cast<std::size_t>(3 - i)];
  if (!fits) bad("the mask is no bool tensor of the scores' shape", "Give [rows] or [heads, queries, rows].");
  return keep->expand({heads, queries, n}).reshape({heads * queries, n});
}

/// Splits of rows, scored and pooled while they are in the cache; bits as gated_pool's: of the rows alone.
Pooled pool_in_splits(const at::Tensor& x, const ops::FoldedQueries& folded, const at::Tensor& keep) {
  const at::Tensor weight_t = folded.weight.t().contiguous();
  const at::ScalarType type = folded.weight.scalar_type();
  ops::PoolAccumulator sum(folded.weight.size(0), x.size(1), false);
  std::vector<at::Tensor> scores;
  ops::accumulate_splits(x.size(0), sum, scores, [&](std::int64_t from, std::int64_t to, ops::TileSpace& space) {
    const ops::OneThread one;
    const at::Tensor rows = ops::dense_rows(x, from, to, type, space);
    at::Tensor part = at::addmm(folded.bias, rows, weight_t).t();
    if (keep.defined()) part = part.masked_fill(keep.slice(1, from, to).logical_not(), kMinusInfinity);
    return ops::pool_split_scores(part, rows, 0, to - from, space, false);
  });
  return sum.result(at::cat(scores, 1), x.scalar_type());
}

Pooled pool_folded(const at::Tensor& x, const ops::FoldedQueries& folded, const at::Tensor& keep) {
  if (x.is_cpu() && !ops::needs_graph({x, folded.weight, folded.bias})) {
    const at::NoGradGuard no_grad;
    return pool_in_splits(x, folded, keep);
  }
  at::Tensor scores = at::linear(x, folded.weight, folded.bias).t();
  if (keep.defined()) scores = scores.masked_fill(keep.logical_not(), kMinusInfinity);
  return score_pool(scores, x);
}

}  // namespace

namespace ops {

FoldedQueries folded_queries(const at::Tensor& q, const QueryPoolWeights& weights, std::int64_t heads) {
  const at::Tensor all = at::linear(q, weights.wq, optional(weights.bq));
  const at::Tensor per_head =
      all.reshape({q.size(0), heads, -1}).transpose(0, 1) / std::sqrt(static_cast<double>(all.size(1) / heads));
  const std::int64_t width = weights.wk.size(1);
  FoldedQueries folded;
  folded.weight = at::bmm(per_head, weights.wk.reshape({heads, -1, width})).reshape({-1, width});
  // The key bias moves all scores of a head alike and changes no weight; the scores that callers see carry it.
  folded.bias = weights.bk.defined() ? (per_head * weights.bk.reshape({heads, 1, -1})).sum(2).flatten()
                                     : at::zeros({folded.weight.size(0)}, folded.weight.options());
  return folded;
}

}  // namespace ops

QueryPooled ops::run_query_pool(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights,
                                std::int64_t heads, const c10::optional<at::Tensor>& keep) {
  check(x, q, weights, heads);
  const std::int64_t queries = q.size(0), n = x.size(0);
  const at::Tensor mask = rows_mask(keep, heads, queries, n);
  QueryPooled pooled;
  if (backend() == Backend::kReference) {
    pooled = ops::reference_query_pool(
        x, q, weights, heads, mask.defined() ? c10::make_optional(mask.view({heads, queries, n})) : c10::nullopt);
  } else {
    const Pooled rows = pool_folded(x, ops::folded_queries(q, weights, heads), mask);
    const at::Tensor totals = rows.lse.ne(kMinusInfinity).to(x.scalar_type()).view({heads, queries, 1});
    pooled.z = values_of(rows.z.view({heads, queries, -1}), totals, weights.wv, weights.bv);
    pooled.scores = rows.scores.view({heads, queries, n}), pooled.lse = rows.lse.view({heads, queries});
  }
  if (weights.wo.defined()) pooled.z = at::linear(pooled.z, weights.wo, optional(weights.bo));
  return pooled;
}

at::Tensor query_scores(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights, std::int64_t heads) {
  check(x, q, weights, heads);
  const ops::FoldedQueries folded = ops::folded_queries(q, weights, heads);
  return at::linear(x, folded.weight, folded.bias).t().reshape({heads, q.size(0), x.size(0)});
}

at::Tensor pool_values(const at::Tensor& a, const at::Tensor& x, const at::Tensor& wv, const at::Tensor& bv) {
  if (a.dim() != 3 || x.dim() != 2 || a.size(2) != x.size(0) || wv.size(1) != x.size(1) || a.size(0) == 0 ||
      wv.size(0) % a.size(0) != 0)
    bad("weights, rows and the value projection disagree in shape",
        "Give weights [heads, queries, rows] of as many rows as there are.");
  const at::Tensor pooled = a.reshape({-1, a.size(2)}).mm(x).view({a.size(0), a.size(1), -1});
  return values_of(pooled, a.sum(2, true), wv, bv);
}

}  // namespace fovea::attention
