// Tensors on a GPU: the kernels of libfovea_cuda.so on LibTorch's current stream, or the reference when the library or
// the type is missing.
#include <algorithm>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/gate.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

constexpr std::int64_t kRowsAtOnce = 16 * kSplit;  // bounds the gate's activations in device memory

const float* data(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

}  // namespace

Pooled cuda_gated_pool(const at::Tensor& x, const GateWeights& weights) {
  const CudaLibrary* library = x.is_cuda() && x.scalar_type() == at::kFloat ? cuda_library() : nullptr;
  if (!library) return reference_score_pool(reference_scores(x, weights), x);
  const c10::DeviceGuard guard(x.device());
  void* stream = current_stream(x);
  const PackedGate gate(weights);
  const at::Tensor rows = x.contiguous(), w = weights.w.contiguous();
  const std::int64_t n = rows.size(0), splits = (n + kSplit - 1) / kSplit;
  at::Tensor scores = at::empty({gate.branches, n}, x.options());
  for (std::int64_t first = 0; first < n; first += kRowsAtOnce) {
    const at::Tensor part = rows.slice(0, first, std::min(n, first + kRowsAtOnce)),
                     pre = at::addmm(gate.gate_b, part, gate.gate.t());
    check_launch(library->gate_scores(data(pre), data(w), data(gate.b), part.size(0), gate.hidden, gate.branches,
                                      gate.gated, scores.mutable_data_ptr<float>(), n, first, stream),
                 "gate_scores");
  }
  at::Tensor states = at::empty({splits, gate.branches, 3}, x.options()),
             sums = at::empty({splits, gate.branches, gate.width}, x.options());
  Pooled pooled{at::empty({gate.branches, gate.width}, x.options()), scores, at::empty({gate.branches}, x.options()),
                at::empty({gate.branches}, x.options())};
  check_launch(library->pool_splits(data(scores), data(rows), n, gate.width, gate.branches, kSplit,
                                    states.mutable_data_ptr<float>(), sums.mutable_data_ptr<float>(), stream),
               "pool_splits");
  check_launch(library->pool_merge(data(states), data(sums), splits, gate.width, gate.branches,
                                   pooled.z.mutable_data_ptr<float>(), pooled.lse.mutable_data_ptr<float>(),
                                   pooled.entropy.mutable_data_ptr<float>(), stream),
               "pool_merge");
  return pooled;
}

Gated cuda_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine) {
  const CudaLibrary* library = x.is_cuda() && x.scalar_type() == at::kFloat ? cuda_library() : nullptr;
  if (!library) return reference_gate(g, x, x, weights, combine);
  const c10::DeviceGuard guard(x.device());
  const at::Tensor gc = g.contiguous(), xc = x.contiguous(), wg = weights.wg.contiguous(), wx = weights.wx.contiguous(),
                   psi = weights.wpsi.contiguous();
  std::vector<std::int64_t> alpha_shape = x.sizes().vec();
  alpha_shape[1] = 1;
  Gated gated{at::empty_like(xc), at::empty(alpha_shape, x.options())};
  const std::int64_t voxels = xc[0][0].numel();
  for (std::int64_t image = 0; image < x.size(0); ++image) {
    at::Tensor alpha = gated.alpha[image], out = gated.out[image];
    check_launch(
        library->attention_gate(data(gc[image]), data(xc[image]), data(wg), data(weights.bg), data(wx),
                                data(weights.bx), data(psi), data(weights.bpsi), voxels, g.size(1), x.size(1),
                                weights.wg.size(0), combine == GateCombine::kConcat, alpha.mutable_data_ptr<float>(),
                                out.mutable_data_ptr<float>(), current_stream(x)),
        "attention_gate");
  }
  return gated;
}

}  // namespace fovea::attention::ops
