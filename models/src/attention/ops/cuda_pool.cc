// Pooling on a GPU: the kernels of libfovea_cuda.so on LibTorch's current stream, or the reference when the library or
// the type is missing.
#include <algorithm>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/pool.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

constexpr std::int64_t kRowsAtOnce = 16 * kSplit;  // bounds the gate's activations in device memory

struct Kernels {
  CudaKernel<decltype(fovea_cuda_gate_scores)> gate_scores{"fovea_cuda_gate_scores"};
  CudaKernel<decltype(fovea_cuda_pool_splits)> pool_splits{"fovea_cuda_pool_splits"};
  CudaKernel<decltype(fovea_cuda_pool_merge)> pool_merge{"fovea_cuda_pool_merge"};
};
const Kernels kernel;

}  // namespace

Pooled cuda_gated_pool(const at::Tensor& x, const GateWeights& weights) {
  if (!runs_on_cuda({x, weights.wv})) return reference_score_pool(reference_scores(x, weights), x);
  const c10::DeviceGuard guard(x.device());
  void* stream = current_stream(x);
  const PackedGate gate(weights);
  const at::Tensor rows = x.contiguous(), w = weights.w.contiguous();
  const std::int64_t n = rows.size(0), splits = (n + kSplit - 1) / kSplit;
  at::Tensor scores = at::empty({gate.branches, n}, x.options());
  for (std::int64_t first = 0; first < n; first += kRowsAtOnce) {
    const at::Tensor part = rows.slice(0, first, std::min(n, first + kRowsAtOnce)),
                     pre = at::addmm(gate.gate_b, part, gate.gate_t);
    kernel.gate_scores(floats(pre), floats(w), floats(gate.b), part.size(0), gate.hidden, gate.branches, gate.gated,
                       mutable_floats(scores), n, first, stream);
  }
  at::Tensor states = at::empty({splits, gate.branches, 3}, x.options()),
             sums = at::empty({splits, gate.branches, gate.width}, x.options());
  Pooled pooled{at::empty({gate.branches, gate.width}, x.options()), scores, at::empty({gate.branches}, x.options()),
                at::empty({gate.branches}, x.options())};
  kernel.pool_splits(floats(scores), floats(rows), n, gate.width, gate.branches, kSplit, mutable_floats(states),
                     mutable_floats(sums), stream);
  kernel.pool_merge(floats(states), floats(sums), splits, gate.width, gate.branches, mutable_floats(pooled.z),
                    mutable_floats(pooled.lse), mutable_floats(pooled.entropy), stream);
  return pooled;
}

}  // namespace fovea::attention::ops
