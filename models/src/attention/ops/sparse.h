// Block-sparse attention behind sparse_attention.h.
#pragma once

#include <fovea/models/sparse_attention.h>

#include "attention/ops/cuda_attend.h"

namespace fovea::attention::ops {

/// Checked inputs; `blocks` is bool [B|1, Hq|1, nq, nk].
struct SparseInputs {
  at::Tensor q, k, v, blocks;
  std::int64_t block = 0;
  double scale = 1;
};

/// Dense scores with a mask of tokens: the definition.
Attended reference_block_sparse(const SparseInputs& in);
/// Kept blocks alone. CPU without a graph: query blocks on all threads.
Attended parallel_block_sparse(const SparseInputs& in);
/// Kept blocks alone, one query block after the other through plain tensor operations: differentiable, any device.
Attended graph_block_sparse(const SparseInputs& in);
/// On a GPU: one launch, three backwards. As graph_block_sparse where the library is missing.
Attended cuda_block_sparse(const SparseInputs& in);
/// Needs the library (runs_on_cuda). `forward` is what cuda_block_sparse gave.
AttendTensors cuda_block_sparse_backward(const SparseInputs& in, const Attended& forward, const Attended& upstream);

/// Mean absolute deviation within blocks; `means` as block_means gives them.
at::Tensor block_deviations(const at::Tensor& x, const at::Tensor& means, std::int64_t block);

/// bool [.., n]: the `width` first entries in descending order, ties to the lower index.
at::Tensor largest_entries(const at::Tensor& scores, std::int64_t width);

}  // namespace fovea::attention::ops
