// The oracle of block-sparse attention: attention.md 3.9 as it stands. Differentiable through autograd.
#include <ATen/TensorOperators.h>
#include <ATen/ops/repeat_interleave.h>

#include "attention/ops/self_attention.h"
#include "attention/ops/sparse.h"

namespace fovea::attention::ops {

Attended reference_block_sparse(const SparseInputs& in) {
  const auto tokens_of = [&](const at::Tensor& blocks, std::int64_t dim, std::int64_t tokens) {
    return at::repeat_interleave(blocks, in.block, dim).slice(dim, 0, tokens);
  };
  AttentionOptions options;
  options.keep = tokens_of(tokens_of(in.blocks, 2, in.q.size(2)), 3, in.k.size(2));
  options.scale = in.scale;
  return reference_attention(in.q, in.k, in.v, options);
}

}  // namespace fovea::attention::ops
