// Learned-query pooling behind self_attention.h. Biases may be undefined everywhere.
#pragma once

#include <fovea/models/self_attention.h>

namespace fovea::attention::ops {

/// The definition: keys and values projected for every row. z is before the output projection.
QueryPooled reference_query_pool(const at::Tensor& x, const at::Tensor& q, const QueryPoolWeights& weights,
                                 std::int64_t heads, const c10::optional<at::Tensor>& keep);

/// The queries seen from the rows: scores [h Q, N] = x weight^T + bias.
struct FoldedQueries {
  at::Tensor weight;  ///< [h Q, D]
  at::Tensor bias;    ///< [h Q]
};
FoldedQueries folded_queries(const at::Tensor& q, const QueryPoolWeights& weights, std::int64_t heads);

}  // namespace fovea::attention::ops
