// Block-sparse attention with and without rectification, dynamic masks, landmark weights, and the makers of block masks
// (reference/attention.md 3.9, 3.14, 3.15). Part of the attention layer (attention.h), whose conventions hold.
//
// Shapes: q [B, Hq, Lq, d], k [B, Hkv, Lk, d], v [B, Hkv, Lk, dv]; Hkv divides Hq, and query head h reads key head
// floor(h Hkv / Hq). Blocks of b tokens; the last one may be shorter. float64 and float32, any strides.
// Differentiable in every tensor but masks; choosing what to keep has no gradient.
// Edges: no query or no key is Error(kShape). A query without a kept key gives 0, lse = -inf and zero gradient. A score
// of -inf weighs 0. NaN scores give NaN. |scores| up to 1e4 are fine.
// FOVEA_ATTENTION_BACKEND=reference forces the dense composition with masks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

#include <fovea/models/self_attention.h>

namespace fovea::attention {

/// Softmax attention (3.9) where query block i sees key block j iff blocks[.., i, j]. `blocks`: bool
/// [B|1, Hq|1, ceil(Lq/b), ceil(Lk/b)]. Scores exist for kept blocks only, one query block at a time and a thread (with
/// a graph: of all kept blocks). What a dropped block holds is unread. `scale`: d^-1/2 when absent.
Attended block_sparse_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& blocks,
                                std::int64_t block, c10::optional<double> scale = {});

/// Means of the blocks of x [B, H, L, d] -> [B, H, ceil(L/b), d]. A short last block is averaged over its own tokens:
/// our adaptation, the sources pad it with zeros and average over those too.
at::Tensor block_means(const at::Tensor& x, std::int64_t block);

/// P = softmax(mean(q) mean(k)^T scale) over blocks -> [B, Hq, ceil(Lq/b), ceil(Lk/b)].
at::Tensor pooled_weights(const at::Tensor& q, const at::Tensor& k, std::int64_t block,
                          c10::optional<double> scale = {});

/// Per row of P the largest entries, as long as those before add up to at most `mass`, and `at_least` in any case. Ties
/// go to the lower index. -> bool like P.
at::Tensor largest_until(const at::Tensor& weights, double mass, std::int64_t at_least);

struct RectifiedOptions {
  std::int64_t block = 64;
  double mass = 0.9;            ///< p_keep: blocks are kept until their pooled weights exceed it
  std::int64_t at_least = 1;    ///< top_k: blocks kept in any case
  c10::optional<double> scale;  ///< d^-1/2 when absent
  at::Tensor blocks;            ///< bool [B|1, Hq|1, nq, nk], from a mask maker; undefined: chosen by mass and at_least
};
struct Rectified {
  at::Tensor out;       ///< [B, Hq, Lq, dv]
  Attended sparse;      ///< of the kept blocks alone
  at::Tensor pooled;    ///< P [B, Hq, nq, nk]
  at::Tensor blocks;    ///< bool like P: computed exactly
  at::Tensor critical;  ///< bool like P: kept, or too uneven to be replaced by a mean (fails the gain test)
};

/// Rectified SpaAttn (3.9). R = sum of P over critical blocks; out = R sparse + sum over the other blocks of P mean(v).
/// A dropped block passes the gain test, and counts through its mean, when
///   |mean(q) . mean(k)| > |mad(q) . mean(k)| + |mean(q) . mad(k)|,  mad = mean absolute deviation within the block.
Rectified rectified_block_sparse_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const RectifiedOptions& options);

/// bias = A_h softplus(W_dt concat_heads(v)) (3.14): one number a key and key head. v [B, Hkv, N, dv],
/// wdt [Hkv, Hkv dv], a [Hkv] -> [B, Hkv, 1, N].
at::Tensor dynamic_bias(const at::Tensor& v, const at::Tensor& wdt, const at::Tensor& a);
/// The `width` largest of bias [B, H, 1, N] among kept keys, ties to the lower index -> bool like bias. `keep`: bool,
/// [N], [B, N] or four dimensions that broadcast to the bias.
at::Tensor largest_keys(const at::Tensor& bias, std::int64_t width, const c10::optional<at::Tensor>& keep = {});

struct DynamicMasked {
  Attended attended;
  at::Tensor bias;  ///< [B, Hkv, 1, N]  before `keep`
  at::Tensor kept;  ///< bool like bias
};
/// Attention to the `width` keys of largest bias in each key head, the bias added to their scores (3.14). Gradient
/// flows through the bias, not through the choice. Non-causal: our adaptation. Cost Lq width.
DynamicMasked dynamic_mask_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     const at::Tensor& wdt, const at::Tensor& a, std::int64_t width,
                                     const c10::optional<at::Tensor>& keep = {});

struct LandmarkWeights {
  at::Tensor tokens;  ///< [.., G, T]
  at::Tensor local;   ///< [.., L]
};
/// Two levels (3.15): p = softmax over landmarks and local tokens together; a token of region G weighs
/// softmax_in_region(token_scores) p(G). token_scores [.., G, T], landmark_scores [.., G], local_scores [.., L], L may
/// be 0. All weights of a row sum to 1. Scores of -inf drop a token; a region without a token drops its landmark.
LandmarkWeights landmark_weights(const at::Tensor& token_scores, const at::Tensor& landmark_scores,
                                 const at::Tensor& local_scores);

/// What mask makers read. Each uses its own part; an absent one that it needs is Error(kShape).
struct MaskRequest {
  at::Tensor q, k;  ///< [B, Hq, Lq, d], [B, Hkv, Lk, d]
  std::int64_t block = 64;
  std::int64_t window_blocks = 5;  ///< power_of_two: blocks around the diagonal, odd
  std::int64_t sink_blocks = 1;    ///< power_of_two: first blocks, seen by all
  double mass = 0.9;               ///< pooled_score: as RectifiedOptions
  std::int64_t at_least = 1;       ///< pooled_score: as RectifiedOptions
  at::Tensor kept;                 ///< dynamic_top_k: bool [B, H, 1, Lk] of largest_keys
  at::Tensor landmarks;            ///< landmark: [B, Hkv, ceil(Lk/b), d] region tokens; undefined: block means of k
  std::int64_t regions = 4;        ///< landmark: regions that a query block loads
};
/// -> bool [B|1, Hq|1, ceil(Lq/b), ceil(Lk/b)] for block_sparse_attention. No gradient.
using MaskMaker = at::Tensor (*)(const MaskRequest& request);

struct NamedMaskMaker {
  std::string_view name, source, description;
  bool adaptation;  ///< ours: the source does not claim this form
  MaskMaker make;
};
std::span<const NamedMaskMaker> mask_makers();
const NamedMaskMaker& mask_maker(std::string_view name);  ///< Error(kUsage) that lists the names

}  // namespace fovea::attention
