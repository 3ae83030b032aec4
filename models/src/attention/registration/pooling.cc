// Pooling operators: gated_scores, score_pool, gated_pool, softmax_merge, query_pool.
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <torch/library.h>

#include <fovea/models/attention.h>
#include <fovea/models/self_attention.h>
#include <fovea/models/softmax_state.h>

#include "attention/ops/pool.h"
#include "attention/ops/run.h"
#include "attention/registration/call.h"
#include "attention/registration/meta.h"
#include "attention/registration/pooling.h"

namespace fovea::attention {
namespace registration {
namespace {

using at::Tensor;
using Three = std::tuple<Tensor, Tensor, Tensor>;
using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
using Five = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

Tensor gated_scores_op(const Tensor& x, const Tensor& wv, const Tensor& bv, const OptionalTensor& wu,
                       const OptionalTensor& bu, const Tensor& w, const Tensor& b) {
  // Pooling costs K / 2H of the scores, and brings the fixed splits.
  return ops::run_gated_pool(x, gate_weights(wv, bv, wu, bu, w, b), {}, kMinusInfinity).scores;
}

Four score_pool_op(const Tensor& s, const Tensor& x, const OptionalTensor& keep, c10::optional<double> fill) {
  const Pooled pooled = ops::run_score_pool(masked_scores(s, keep, fill), x);
  return {pooled.z, pooled.lse, pooled.entropy, pooled.gram};
}

Five gated_pool_op(const Tensor& x, const Tensor& wv, const Tensor& bv, const OptionalTensor& wu,
                   const OptionalTensor& bu, const Tensor& w, const Tensor& b, const OptionalTensor& keep,
                   c10::optional<double> fill) {
  const Pooled pooled = ops::run_gated_pool(x, gate_weights(wv, bv, wu, bu, w, b), keep, fill.value_or(kMinusInfinity));
  return {pooled.z, pooled.scores, pooled.lse, pooled.entropy, pooled.gram};
}

std::tuple<Tensor, Tensor> softmax_merge_op(at::TensorList outs, at::TensorList lses) {
  const Merged merged = ops::run_merge(at::stack(outs), at::stack(lses));
  return {merged.out, merged.lse};
}

Three query_pool_op(const Tensor& x, const Tensor& q, const Tensor& wq, const OptionalTensor& bq, const Tensor& wk,
                    const OptionalTensor& bk, const Tensor& wv, const OptionalTensor& bv, const OptionalTensor& wo,
                    const OptionalTensor& bo, std::int64_t heads, const OptionalTensor& keep) {
  const QueryPoolWeights weights{
      wq, or_undefined(bq), wk, or_undefined(bk), wv, or_undefined(bv), or_undefined(wo), or_undefined(bo)};
  const QueryPooled pooled = ops::run_query_pool(x, q, weights, heads, keep);
  return {pooled.z, pooled.scores, pooled.lse};
}

Tensor gated_scores_meta(const Tensor& x, const Tensor& wv, const Tensor& bv, const OptionalTensor& wu,
                         const OptionalTensor& bu, const Tensor& w, const Tensor& b) {
  return shaped(x, Types(x, wv, bv, wu, bu, w, b).computed(), {w.sym_size(0), x.sym_size(0)});
}

Four pooled_shapes(const Tensor& x, const Types& types, const c10::SymInt& k) {
  return {shaped(x, types.value(), {k, x.sym_size(1)}), shaped(x, types.computed(), {k}),
          shaped(x, types.computed(), {k}), shaped(x, types.computed(), {k, k})};
}

Four score_pool_meta(const Tensor& s, const Tensor& x, const OptionalTensor& /*keep*/, c10::optional<double> /*fill*/) {
  return pooled_shapes(x, Types(x, s), s.sym_size(0));
}

Five gated_pool_meta(const Tensor& x, const Tensor& wv, const Tensor& bv, const OptionalTensor& wu,
                     const OptionalTensor& bu, const Tensor& w, const Tensor& b, const OptionalTensor& /*keep*/,
                     c10::optional<double> /*fill*/) {
  const auto [z, lse, entropy, gram] = pooled_shapes(x, Types(x, wv, bv, wu, bu, w, b), w.sym_size(0));
  return {z, gated_scores_meta(x, wv, bv, wu, bu, w, b), lse, entropy, gram};
}

std::tuple<Tensor, Tensor> softmax_merge_meta(at::TensorList outs, at::TensorList lses) {
  const Tensor &out = first_of(outs), &lse = first_of(lses);
  const Types types(outs, lses);
  return {shaped(out, types.value(), sizes_of(out, 0, out.dim())),
          shaped(lse, types.computed(), sizes_of(lse, 0, lse.dim()))};
}

Three query_pool_meta(const Tensor& x, const Tensor& q, const Tensor& wq, const OptionalTensor& bq, const Tensor& wk,
                      const OptionalTensor& bk, const Tensor& wv, const OptionalTensor& bv, const OptionalTensor& wo,
                      const OptionalTensor& bo, std::int64_t heads, const OptionalTensor& /*keep*/) {
  const Types types(x, q, wq, bq, wk, bk, wv, bv, wo, bo);
  return {shaped(x, types.value(), {q.sym_size(0), (wo ? *wo : wv).sym_size(0)}),
          shaped(x, types.computed(), {heads, q.sym_size(0), x.sym_size(0)}),
          shaped(x, types.computed(), {heads, q.sym_size(0)})};
}

void implement(torch::Library& m) {
  m.impl("gated_scores", TORCH_FN((Kernel<&gated_scores_op, 0, 0, true>::call)));
  m.impl("score_pool", TORCH_FN((Kernel<&score_pool_op, 1, 1, true>::call)));
  m.impl("gated_pool", TORCH_FN((Kernel<&gated_pool_op, 1, 0, true>::call)));
  m.impl("softmax_merge", TORCH_FN((Kernel<&softmax_merge_op, 1>::call)));
  m.impl("query_pool", TORCH_FN((Kernel<&query_pool_op, 1>::call)));
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, CPU, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, CUDA, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, Meta, m) {
  m.impl("gated_scores", TORCH_FN(gated_scores_meta));
  m.impl("score_pool", TORCH_FN(score_pool_meta));
  m.impl("gated_pool", TORCH_FN(gated_pool_meta));
  m.impl("softmax_merge", TORCH_FN(softmax_merge_meta));
  m.impl("query_pool", TORCH_FN(query_pool_meta));
}

}  // namespace registration

using registration::or_none;
using registration::typed;

Pooled gated_pool(const at::Tensor& x, const GateWeights& w, const c10::optional<at::Tensor>& keep, double fill) {
  static const auto op = typed("fovea::gated_pool", &registration::gated_pool_op);
  auto [z, s, lse, entropy, gram] = op.call(x, w.wv, w.bv, or_none(w.wu), or_none(w.bu), w.w, w.b, keep, fill);
  return {std::move(z), std::move(s), std::move(lse), std::move(entropy), std::move(gram)};
}

Pooled score_pool(const at::Tensor& scores, const at::Tensor& x) {
  static const auto op = typed("fovea::score_pool", &registration::score_pool_op);
  auto [z, lse, entropy, gram] = op.call(scores, x, {}, {});
  return {std::move(z), scores, std::move(lse), std::move(entropy), std::move(gram)};
}

Merged softmax_merge(const at::Tensor& outs, const at::Tensor& lses) {
  if (lses.dim() < 1 || outs.dim() < 1 || lses.size(0) == 0) return ops::run_merge(outs, lses);  // says what is wrong
  static const auto op = typed("fovea::softmax_merge", &registration::softmax_merge_op);
  auto [out, lse] = op.call(outs.unbind(0), lses.unbind(0));
  return {std::move(out), std::move(lse)};
}

QueryPooled query_pool(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& w, std::int64_t heads,
                       const c10::optional<at::Tensor>& keep) {
  static const auto op = typed("fovea::query_pool", &registration::query_pool_op);
  auto [z, s, lse] = op.call(x, q, w.wq, or_none(w.bq), w.wk, or_none(w.bk), w.wv, or_none(w.bv), or_none(w.wo),
                             or_none(w.bo), heads, keep);
  return {std::move(z), std::move(s), std::move(lse)};
}

}  // namespace fovea::attention
