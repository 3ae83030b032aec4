// Linear attention, MALA and linear attention with decay (reference/attention.md 3.7, 3.10): cost N d^2, memory N d.
// Part of the attention layer (attention.h), whose conventions hold.
//
// Shapes: q [B, h, Nq, d], k [B, h, Nk, d], v [B, h, Nk, dv]; float64 and float32, any strides. Everything is
// differentiable in every tensor but masks.
// Determinism: linear_attention and mala without a graph on the CPU sum splits of kSplit keys in index order, in
// double: their bits do not depend on the number of threads. Edges: no query or no key is Error(kShape). A masked key
// is unread, whatever it holds; where no key is kept, outputs are 0 with zero gradient. NaN stays NaN. There is no
// softmax here, so no lse either. FOVEA_ATTENTION_BACKEND=reference forces the plain composition.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

namespace fovea::attention {

constexpr double kLinearEps = 1e-6;  ///< of the sources; keeps the denominators from 0

/// out = phi(q) (phi(K)^T V) / (phi(q) . sum_j phi(k_j) + eps), phi = elu + 1 (3.7). -> [B, h, Nq, dv].
/// `keep`: bool, true = may be attended; [Nk], [B, Nk] or [B|1, h|1, Nk].
at::Tensor linear_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const c10::optional<at::Tensor>& keep = {}, double eps = kLinearEps);

/// Rotary position embedding: the pair (x_2i, x_2i+1) of token n turns by the angle whose sine and cosine stand at both
/// places. Undefined tensors rotate nothing.
struct Rotation {
  at::Tensor sin, cos;  ///< [N, d]
};

/// Angles for tokens on a grid (3.7): the first half of the width turns with `rows`, the second with `columns` [N], at
/// frequencies 10000^-linspace(0, 1, d/4). Grid indices, not pixels. d must be a multiple of 4. In the dtype of `like`.
Rotation grid_rotation(const at::Tensor& rows, const at::Tensor& columns, std::int64_t d, const at::Tensor& like);

struct Mala {
  at::Tensor out;  ///< [B, h, Nq, dv]
  at::Tensor z;    ///< [B, h, Nq, 1]  c phi(q) . mean phi(k)
};

/// Magnitude-aware linear attention (3.7), c = d^-1/2, n kept keys, phi = elu + 1:
///   z = c phi(q) . mean_j phi(k_j)
///   out = [R phi(q) (c/n (R phi(K))^T V)] (1 + 1/(z + eps)) - z mean_j v_j
/// R is the rotation; z is taken before it, as in the official block. The weights behind `out` sum to 1 without a
/// rotation (up to eps) and may be negative: not for heat maps. A rotation needs Nq = Nk.
Mala mala(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::optional<at::Tensor>& keep = {},
          const Rotation& rotation = {}, double eps = kLinearEps);

enum class Decay {
  kCausal,         ///< sum over j <= i, as published
  kBidirectional,  ///< sum over all j with |i - j|: our adaptation
};

/// out_i = sum_j e^(-slope_h |i - j|) (q_i . k_j) v_j (3.10): no softmax and no normaliser, normalise outside. q and k
/// have as many tokens. `slopes` [h] >= 0. Computed in tiles of `tile` tokens, products inside a tile and a [d, dv]
/// state between tiles; the tile changes the rounding only (and
/// which rows a NaN reaches when causal: all of its tile and everything after).
at::Tensor decayed_linear_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const at::Tensor& slopes, Decay decay, std::int64_t tile = 64);

/// ALiBi's slopes 2^(-8 (r + 1) / heads), r = 0 .. heads - 1, heads a power of two; float64 [heads].
at::Tensor alibi_slopes(std::int64_t heads);

}  // namespace fovea::attention
