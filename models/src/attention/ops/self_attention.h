// Dense self-attention behind self_attention.h.
#pragma once

#include <string>

#include <fovea/models/self_attention.h>

namespace fovea::attention::ops {

/// Queries and keys of multi-head attention: [B, H, L, d], one batch and width, key heads that divide the query heads,
/// at least one token. Error(kShape) in the name of `subject`.
void check_heads(const std::string& subject, const at::Tensor& q, const at::Tensor& k);

/// Softmax over the last dimension that knows empty rows: their weights are 0 and their lse is -inf, in both directions
/// without NaN.
struct Softmax {
  at::Tensor weights;      ///< like the scores
  at::Tensor largest;      ///< [.., 1]  no gradient; 0 in empty rows
  at::Tensor log_sum;      ///< [.., 1]  ln sum e^(s - largest); 0 in empty rows
  at::Tensor empty;        ///< [.., 1]  bool
  at::Tensor lse() const;  ///< [..]
};
Softmax softmax_of(const at::Tensor& scores);

/// Key heads repeated to `heads`: query head h reads key head floor(h Hkv / heads).
at::Tensor repeated_heads(const at::Tensor& x, std::int64_t heads);
/// `keep` as [B|1, Hq|1, Lq|1, Lk], whatever form it came in; undefined stays undefined.
at::Tensor pair_mask(const at::Tensor& keep);

struct Weighted {
  at::Tensor weights, lse;
};
/// The definition (3.4, 3.5), with all weights at once. k has any head count that divides q's; options.keep is 4-D or
/// undefined.
Weighted reference_weights(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options);
Attended reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const AttentionOptions& options);

}  // namespace fovea::attention::ops
