// Split softmax states, their merges, and the Gram of branch weights: plain tensor operations in a fixed order.
#include <fovea/models/softmax_state.h>

#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_pool.h"
#include "attention/ops/mean_cosine.h"
#include "attention/ops/path.h"
#include "attention/ops/pool.h"
#include "attention/ops/run.h"
#include "attention/ops/softmax_state.h"

namespace fovea::attention {
namespace {

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "softmax state", problem, remedy);
}

/// A maximum that can be subtracted: 0 in rows without a key, so that -inf - -inf never occurs.
at::Tensor subtractable(const at::Tensor& m) {
  return m.masked_fill(m.eq(kMinusInfinity), 0.0);
}

/// The kernels take these tensors: on a GPU, without a graph, and not bisecting.
bool takes_cuda(std::initializer_list<at::Tensor> tensors) {
  return backend() != Backend::kReference && !ops::needs_graph(tensors) && ops::runs_on_cuda(tensors);
}

/// The Gram that pooling sums beside the rows, over rows of no width, in double.
at::Tensor split_gram(const at::Tensor& scores) {
  const at::Tensor exact = scores.to(at::kDouble), no_features = at::empty({scores.size(1), 0}, exact.options());
  return ops::native_score_pool(exact, no_features).gram.to(scores.scalar_type());
}

void check_state(const SplitState& a, const SplitState& b) {
  const bool fits = a.m.sizes() == b.m.sizes() && a.l.sizes() == b.l.sizes() && a.o.sizes() == b.o.sizes();
  if (!fits) bad("two parts differ in rows or width", "Merge states of the same rows.");
}

}  // namespace

SplitState split_state(const at::Tensor& scores, const at::Tensor& v) {
  if (scores.dim() != 2 || v.dim() != 2 || scores.size(1) != v.size(0))
    bad("scores and values disagree in number", "Give scores [rows, keys] and values [keys, width].");
  if (v.size(0) == 0) bad("the part holds no key", "Leave the part out, or use empty_state.");
  const at::Tensor m = at::amax(scores.detach(), {1});
  const at::Tensor e = (scores - subtractable(m).unsqueeze(1)).exp();
  return {m, e.sum(1), e.mm(v)};
}

SplitState empty_state(std::int64_t rows, std::int64_t width, const at::Tensor& like) {
  return {at::full({rows}, kMinusInfinity, like.options()), at::zeros({rows}, like.options()),
          at::zeros({rows, width}, like.options())};
}

SplitState merged_states(const SplitState& a, const SplitState& b) {
  check_state(a, b);
  const at::Tensor am = a.m.detach(), bm = b.m.detach(), m = at::maximum(am, bm), shift = subtractable(m);
  const at::Tensor ca = (am - shift).exp(), cb = (bm - shift).exp();
  return {m, ca * a.l + cb * b.l, ca.unsqueeze(1) * a.o + cb.unsqueeze(1) * b.o};
}

SplitState merged_states(const std::vector<SplitState>& parts) {
  if (parts.empty()) bad("there is no part to merge", "Give at least one state.");
  SplitState sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) sum = merged_states(sum, parts[i]);
  return sum;
}

Merged finished(const SplitState& state) {
  const at::Tensor empty = state.l.eq(0), l = state.l.masked_fill(empty, 1.0);
  const at::Tensor lse = (subtractable(state.m.detach()) + l.log()).masked_fill(empty, kMinusInfinity);
  return {(state.o / l.unsqueeze(1)).masked_fill(empty.unsqueeze(1), 0.0), lse};
}

Merged ops::run_merge(const at::Tensor& outs, const at::Tensor& lses) {
  if (lses.dim() < 1 || outs.dim() != lses.dim() + 1 || outs.sizes().slice(0, outs.dim() - 1) != lses.sizes())
    bad("outputs and log-sum-exps disagree in shape", "Give outs [parts, rows, width] and lses [parts, rows].");
  if (lses.numel() == 0) bad("there is no part to merge", "Give at least one part.");
  if (takes_cuda({outs, lses})) return ops::cuda_softmax_merge(outs, lses);
  // A finished part is a state of one key per row: m = lse, l = 1, o = out.
  const at::Tensor absent = lses.eq(kMinusInfinity), read = outs.masked_fill(absent.unsqueeze(-1), 0.0);
  const at::Tensor shift = subtractable(at::amax(lses.detach(), {0}));
  at::Tensor l, o;
  for (std::int64_t part = 0; part < lses.size(0); ++part) {
    const at::Tensor e = (lses[part] - shift).exp(), weighted = e.unsqueeze(-1) * read[part];
    l = l.defined() ? l + e : e;
    o = o.defined() ? o + weighted : weighted;
  }
  const at::Tensor empty = l.eq(0), safe = l.masked_fill(empty, 1.0);
  return {o / safe.unsqueeze(-1), (shift + safe.log()).masked_fill(empty, kMinusInfinity)};
}

BranchGram branch_gram(const at::Tensor& scores) {
  if (scores.dim() != 2) bad("scores are not [branches, keys]", "Give one row of scores a branch.");
  if (scores.numel() == 0) bad("there is no branch or no key", "Check the tissue mask or the feature file.");
  const at::Tensor gram = takes_cuda({scores})             ? ops::cuda_gram(scores)
                          : ops::takes_reference({scores}) ? ops::reference_gram(scores)
                                                           : split_gram(scores);
  return {gram, ops::mean_cosine(gram)};
}

}  // namespace fovea::attention
