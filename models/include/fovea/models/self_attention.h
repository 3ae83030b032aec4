// Self-attention, neighbourhood attention and learned-query pooling (reference/attention.md 3.4, 3.5, 3.6;
// reference/mil.md 1.5). Part of the attention layer (attention.h), whose conventions hold: row vectors, y = x W^T + b
// with W stored [out, in].
//
// Types: float64 and float32, any strides. Everything is differentiable in every tensor but masks.
// Edges: no query or no key is Error(kShape). A query without a kept key gives 0, lse = -inf and zero gradient. A score
// of -inf weighs 0. NaN scores give NaN, and so does a NaN value of a masked key (holes of a grid aside). |scores| up
// to 1e4 are fine. FOVEA_ATTENTION_BACKEND=reference forces the plain composition.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

namespace fovea::attention {

/// How scores s [.., Lq, Lk] become weights a (3.5). n is the number of keys that `keep` leaves to a query.
///   kSoftmax      a = e^s / sum e^s
///   kSoftmaxSink  a = e^s / (sum e^s + e^sink_h): a head may look at nothing. sink 0 is "softmax off by one"
///   kSigmoid      a = sigmoid(s - ln n): no competition, rows need not sum to 1
///   kAffine       a = alpha softmax(s) + (alpha_mean - alpha) / n on kept keys. Weights are negative where alpha >
///   alpha_mean: a heat
///                 map has to say so, and entropy is undefined
enum class Normaliser { kSoftmax, kSoftmaxSink, kSigmoid, kAffine };

struct AttentionOptions {
  at::Tensor bias;  ///< added to the scaled scores, broadcasts to [B, Hq, Lq, Lk]; -inf drops a key
  at::Tensor
      keep;  ///< bool, true = may be attended: keys [Lk] or [B, Lk], pairs [B, Lq, Lk], or 4-D, broadcast to scores
  c10::optional<double> scale;  ///< d^-1/2 when absent
  Normaliser normaliser = Normaliser::kSoftmax;
  at::Tensor sink;        ///< kSoftmaxSink: [Hq]
  at::Tensor alpha;       ///< kAffine: [B, Hq, Lq], see affine_alpha
  double alpha_mean = 0;  ///< kAffine: moving average of alpha, see moved_alpha_mean; constant in gradients
  bool want_lse = true;   ///< false lets plain softmax run in LibTorch's fused kernel, and leaves lse undefined
};

struct Attended {
  at::Tensor out;  ///< [B, Hq, Lq, dv]
  at::Tensor lse;  ///< [B, Hq, Lq]  log-sum-exp of the scores over kept keys, without the sink, whatever the normaliser
};

/// out = a v, a = normaliser(q k^T scale + bias). q [B, Hq, Lq, d], k [B, Hkv, Lk, d], v [B, Hkv, Lk, dv]; Hkv divides
/// Hq, and query head h reads key head floor(h Hkv / Hq): grouped heads, and with fewer query heads than d_model / d
/// sparse-query attention (SQA). Without a graph, queries go in blocks: no [Lq, Lk] matrix is ever whole.
Attended attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& options = {});

/// The weights a [B, Hq, Lq, Lk] themselves, for heat maps and losses. Holds all of them.
at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options = {});

/// alpha = clip(0.1 x W_a^T + 0.5, 0, 1) per head and query: x [B, Lq, D], wa [Hq, D] -> [B, Hq, Lq].
at::Tensor affine_alpha(const at::Tensor& x, const at::Tensor& wa);
/// One training step of the moving average: rho previous + (1 - rho) mean alpha. Starts at 0; evaluation leaves it
/// alone.
double moved_alpha_mean(double previous, const at::Tensor& alpha, double rho = 0.9);

/// Generalised neighbourhood attention (3.6). One entry an axis, or one for all axes, in every vector.
struct NeighbourhoodOptions {
  std::vector<std::int64_t> window;     ///< w, in tokens
  std::vector<std::int64_t> stride{1};  ///< t, 1 (sliding) to w (blocked): queries of a stride group share their window
  std::vector<std::int64_t> dilation{1};                ///< delta; w delta <= length
  std::vector<bool> causal{false};                      ///< windows that end at the query
  std::vector<std::vector<std::int64_t>> head_windows;  ///< empty, or one window a head instead of `window`
  at::Tensor valid;  ///< bool [N]: false marks a hole (no tissue), never a key, its output is 0, its content unread
  c10::optional<double> scale;  ///< d^-1/2 when absent
};

/// Softmax attention of every token of a grid to the window around it; windows slide inward at borders, so a query sees
/// exactly prod(w) keys (fewer on causal axes and at holes). q, k [B, H, N, d], v [B, H, N, dv], N = prod(shape),
/// tokens row-major, 1 to 3 axes. Cost and memory grow with N prod(2 w), never N^2, in both directions. Error(kShape)
/// for windows that do not fit.
Attended neighbourhood_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const std::vector<std::int64_t>& shape, const NeighbourhoodOptions& options);

/// Weights of learned-query pooling (3.4, mil.md 1.5); biases may be undefined.
struct QueryPoolWeights {
  at::Tensor wq, bq;  ///< [L, Dq], [L]
  at::Tensor wk, bk;  ///< [L, D], [L]
  at::Tensor wv, bv;  ///< [L, D], [L]
  at::Tensor wo, bo;  ///< [O, L], [O]; wo undefined: heads are concatenated and returned as they are (O = L)
};
struct QueryPooled {
  at::Tensor z;       ///< [Q, O]
  at::Tensor scores;  ///< [h, Q, N]  before softmax, after `keep`
  at::Tensor lse;     ///< [h, Q]
};

/// Q = q Wq^T + bq; per head s = Q (x Wk^T + bk)^T / sqrt(L / h), a = softmax_N(s), z = concat_h(a (x Wv^T + bv)) Wo^T
/// + bo. Computed exactly but folded: Wk goes into the query and Wv is applied to the pooled rows, so that no [N, L]
/// projection exists. x [N, D], q [Q, Dq], keep bool broadcasting to [h, Q, N]. A head without a kept row adds 0 (z is
/// then bo). Error(kShape) for N = 0.
QueryPooled query_pool(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights, std::int64_t heads,
                       const c10::optional<at::Tensor>& keep = {});

/// The scores alone, [h, Q, N], for maskings between scores and softmax (STKIM).
at::Tensor query_scores(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights, std::int64_t heads);

/// concat_h(a (x Wv^T + bv)) for given weights a [h, Q, N], which need not sum to 1 -> [Q, L]: ACMIL's bag block, or
/// the step after a masking (a = weights_of(scores)). Folded as above.
at::Tensor pool_values(const at::Tensor& a, const at::Tensor& x, const at::Tensor& wv, const at::Tensor& bv);

}  // namespace fovea::attention
