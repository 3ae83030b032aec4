// Pooling on a GPU, behind attention.h and softmax_state.h.
#pragma once

#include <fovea/models/attention.h>
#include <fovea/models/softmax_state.h>

#include "attention/kernels/pool_cuda.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {

/// How gate scores are computed from float32 rows. From FOVEA_CUDA_PRECISION=exact|tf32|bf16 and FOVEA_CUDA_HOPPER=1
/// (bf16 on sm_90 through TMA and wgmma) unless given. Below sm_80 everything is exact.
struct CudaGateOptions {
  kernels::GatePrecision precision = kernels::kExactGate;
  bool hopper = false;
};
CudaGateOptions cuda_gate_options();

/// float32 rows, or bf16 rows (widened; z comes back in bf16). Where the library is missing, or for other types, the
/// reference runs on the device. The Gram comes along when `want_gram`, else it is undefined. Differentiable: with a
/// graph, float32 rows record one node whose backward is kernels too.
Pooled cuda_score_pool(const at::Tensor& scores, const at::Tensor& x, bool want_gram = true);
Pooled cuda_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep = {});
Pooled cuda_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                       const CudaGateOptions& options);
at::Tensor cuda_gate_scores(const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                            const CudaGateOptions& options);
/// Finished parts as in softmax_merge; float32, and runs_on_cuda holds.
Merged cuda_softmax_merge(const at::Tensor& outs, const at::Tensor& lses);
/// [K, K] of scores [K, N], float32, and runs_on_cuda holds.
at::Tensor cuda_gram(const at::Tensor& scores);

/// Gradients as native_score_pool_backward and native_gated_pool_backward give them; float32, and runs_on_cuda holds.
/// The gate is recomputed 16 splits at a time, so memory does not grow with N H; weight gradients are partial sums
/// added in index order.
ScorePoolGradients cuda_score_pool_backward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                            bool want_scores, bool want_x);
GatedPoolGradients cuda_gated_pool_backward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                            const GateWeights& weights, const Keep& keep, bool want_x);

// What the parts of it share.

Pooled recorded_score_pool(const at::Tensor& scores, const at::Tensor& x);
Pooled recorded_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                           const CudaGateOptions& options);

constexpr std::int64_t kCudaRowsAtOnce = 16 * kSplit;  ///< bounds activations of the gate in device memory

inline std::int64_t cuda_splits(std::int64_t rows) {
  return (rows + kSplit - 1) / kSplit;
}

/// Weights as the kernels take them, kept alive: contiguous float32.
struct CudaGate {
  explicit CudaGate(const GateWeights& weights);
  kernels::GateView view() const;
  GateWeights weights;
};
/// The mask's entries and their stride; `mask` must stay alive.
kernels::KeepView keep_view(const at::Tensor& mask, double fill);

/// [K, 3] floats, a ShiftedState a branch; lse and entropy, when defined, receive theirs.
at::Tensor cuda_pool_totals(const at::Tensor& scores, const at::Tensor& lse, const at::Tensor& entropy);
inline const kernels::ShiftedState* states(const at::Tensor& totals) {
  return static_cast<const kernels::ShiftedState*>(totals.const_data_ptr());
}

}  // namespace fovea::attention::ops
