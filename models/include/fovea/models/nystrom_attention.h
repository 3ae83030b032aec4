// Nystrom attention (Xiong et al. 2021; reference/mil.md 1.6, TransMIL). Part of the attention layer (attention.h),
// whose conventions hold.
//
// Types: float64 and float32, any strides. Differentiable in q, k and v. Edges: no token is Error(kShape); fewer tokens
// than landmarks are fine. NaN stays NaN. Nothing of N x N or, without a graph, of N x landmarks is ever stored.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace fovea::attention {

struct NystromOptions {
  std::int64_t landmarks = 256;  ///< m
  std::int64_t iterations = 6;   ///< of the pseudo-inverse
};

/// out = S(q Lk^T) S(Lq Lk^T)^+ S(Lq k^T) v for q, k, v [B, H, N, d], S the softmax of scores times d^-1/2. Lq and Lk
/// are means of m groups of equal size; tokens are padded in front, with zeros that take part as keys, to a multiple of
/// m. The pseudo-inverse is iterated from X^T / (largest row sum times largest column sum), both over batch and heads.
at::Tensor nystrom_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const NystromOptions& options = {});

/// The weights [B, H, r, N] that the first r queries give the tokens; the padding's are left out. They approximate a
/// softmax: some are negative, and rows sum to about 1.
at::Tensor nystrom_weights(const at::Tensor& q, const at::Tensor& k, std::int64_t queries,
                           const NystromOptions& options = {});

}  // namespace fovea::attention
