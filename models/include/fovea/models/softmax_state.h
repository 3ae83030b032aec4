// The split softmax state and its merge (reference/attention.md 3.3), and the Gram of branch weights (3.3, 4.2). Part
// of the attention layer (attention.h).
//
// Types: float64 and float32, any strides. Edges: -inf scores weigh 0; a row without a key is {-inf, 0, 0}, out 0, lse
// -inf, zero gradient. NaN or +inf scores give NaN. |scores| up to 1e4 are fine. No key at all is Error(kShape).
// Determinism: parts are merged in the order given, whatever the number of threads.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::attention {

/// Softmax over some of the keys, for R rows: m = max s, l = sum e^(s-m), o = sum e^(s-m) v. m carries no gradient (out
/// and lse do not depend on it), so differentiate what finished() returns.
struct SplitState {
  at::Tensor m, l;  ///< [R]
  at::Tensor o;     ///< [R, D]
};
struct Merged {
  at::Tensor out;  ///< [.., D]  o / l
  at::Tensor lse;  ///< [..]     m + ln l
};

/// scores [R, n], v [n, D], n > 0. Differentiable in both. A NaN value of a key of weight 0 still gives NaN.
SplitState split_state(const at::Tensor& scores, const at::Tensor& v);
/// The neutral element {-inf, 0, 0}, for R rows and D values, in `like`'s type and device.
SplitState empty_state(std::int64_t rows, std::int64_t width, const at::Tensor& like);
/// c_i = e^(m_i - m), m = max m_i; l = c1 l1 + c2 l2, o = c1 o1 + c2 o2. Differentiable in l and o.
SplitState merged_states(const SplitState& a, const SplitState& b);
SplitState merged_states(const std::vector<SplitState>& parts);  ///< in index order; Error(kShape) for none
Merged finished(const SplitState& state);

/// The merge of finished parts: outs [S, .., D], lses [S, ..] -> out = sum_s a_s out_s, a = softmax_S(lse). The output
/// of a part with lse -inf is not read. Differentiable in both.
Merged softmax_merge(const at::Tensor& outs, const at::Tensor& lses);

struct BranchGram {
  at::Tensor gram;       ///< [K, K]  G_ij = sum_n a_in a_jn, a = softmax_N(scores); 0 for a branch without a key
  at::Tensor diversity;  ///< scalar  mean over i < j of G_ij / sqrt(G_ii G_jj), the mean cosine; 0 for K = 1
};
/// scores [K, N] -> Gram without the weights: in splits of kSplit columns merged in index order, bit-identical for any
/// number of threads. With a graph, the plain composition, differentiable in the scores.
BranchGram branch_gram(const at::Tensor& scores);

}  // namespace fovea::attention
