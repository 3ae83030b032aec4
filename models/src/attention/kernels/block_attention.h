// Block-sparse attention and, with every block kept, position attention: the contract on CUDA.
#pragma once

#include <cstdint>

#include "attention/kernels/attend.h"

namespace fovea::attention::kernels {

/// q [batches, heads, queries, width], k and v [batches, key_heads, keys, ..]; query head h reads key head
/// floor(h key_heads / heads). `kept` [.., ceil(queries / block), ceil(keys / block)] with the strides of a batch and a
/// head, 0 where all share one; null: every query sees every key.
struct BlockPairs {
  std::int64_t batches, heads, key_heads, queries, keys, block;
  const bool* kept;
  std::int64_t kept_batch_stride, kept_head_stride;
};

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
/// -> out [batches, heads, queries, value_width], lse [batches, heads, queries].
int fovea_cuda_block_attention(const fovea::attention::kernels::BlockPairs* pairs,
                               const fovea::attention::kernels::Attend* in, float* out, float* lse, void* stream);
int fovea_cuda_block_attention_backward(const fovea::attention::kernels::BlockPairs* pairs,
                                        const fovea::attention::kernels::Attend* in,
                                        const fovea::attention::kernels::AttendGradients* gradients, void* stream);
}
