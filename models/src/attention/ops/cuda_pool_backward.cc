// Backward of pooling on a GPU. The weights are computed again from the scores and the gate from x.
#include <algorithm>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_pool.h"

namespace fovea::attention::ops {
namespace {

struct Kernels {
  CudaKernel<decltype(fovea_cuda_pool_rho)> pool_rho{"fovea_cuda_pool_rho"};
  CudaKernel<decltype(fovea_cuda_pool_score_grad)> pool_score_grad{"fovea_cuda_pool_score_grad"};
  CudaKernel<decltype(fovea_cuda_pool_row_grad)> pool_row_grad{"fovea_cuda_pool_row_grad"};
  CudaKernel<decltype(fovea_cuda_gate_hidden_grad)> gate_hidden_grad{"fovea_cuda_gate_hidden_grad"};
  CudaKernel<decltype(fovea_cuda_weighted_sums)> weighted_sums{"fovea_cuda_weighted_sums"};
  CudaKernel<decltype(fovea_cuda_weight_grad)> weight_grad{"fovea_cuda_weight_grad"};
  CudaKernel<decltype(fovea_cuda_gate_row_grad)> gate_row_grad{"fovea_cuda_gate_row_grad"};
};
const Kernels kernel;

constexpr std::int64_t kWeightSplit = 4 * kSplit;  ///< rows of one partial weight gradient

at::Tensor dense(const at::Tensor& gradient) {
  return gradient.defined() ? gradient.contiguous() : gradient;
}

/// ds and, when wanted, the part of dx that comes through z. Everything contiguous float32.
ScorePoolGradients through_softmax(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                   const at::Tensor& mask, bool want_scores, bool want_x) {
  const at::Tensor scores = pooled.scores.contiguous(), gg = dense(gradients.gram), gs = dense(gradients.scores),
                   ge = dense(gradients.entropy), gl = dense(gradients.lse);
  const std::int64_t branches = scores.size(0), rows = x.size(0), width = x.size(1);
  const at::Tensor gz = gradients.z.defined() ? gradients.z.contiguous() : at::zeros({branches, width}, x.options()),
                   z = pooled.z.defined() ? pooled.z.contiguous() : gz,
                   gram = gg.defined() ? pooled.gram.contiguous() : gg;
  const at::Tensor totals = cuda_pool_totals(scores, {}, {}), rho = at::empty({branches}, x.options());
  void* const stream = current_stream(x);
  ScorePoolGradients result;
  if (want_scores) {
    result.scores = at::empty({branches, rows}, x.options());
    kernel.pool_rho(floats(gz), floats(z), floats(gg), floats(gram), branches, width, mutable_floats(rho), stream);
    kernel.pool_score_grad(floats(scores), states(totals), floats(x), floats(gz), floats(rho), floats(ge), floats(gl),
                           floats(gg), floats(gs), keep_view(mask, 0), branches, rows, width,
                           mutable_floats(result.scores), stream);
  }
  if (want_x) {
    result.x = at::empty({rows, width}, x.options());
    kernel.pool_row_grad(floats(scores), states(totals), floats(gz), branches, rows, width, mutable_floats(result.x),
                         stream);
  }
  return result;
}

/// Sums over rows of the gate's gradients, 16 splits at a time.
class GateSums {
 public:
  GateSums(const CudaGate& gate, const at::Tensor& x, const at::Tensor& ds, const at::Tensor& dx)
      : gate_(gate.view()), x_(x), ds_(ds), dx_(dx), columns_((gate_.wu ? 2 : 1) * gate_.hidden) {
    const std::int64_t count = std::min(x.size(0), kCudaRowsAtOnce), splits = (count + kWeightSplit - 1) / kWeightSplit;
    hidden_grad_ = at::empty({count, columns_}, x.options());
    hidden_ = at::empty({count, gate_.hidden}, x.options());
    parts_ = at::empty({splits * columns_ * gate_.width}, x.options());
    const std::int64_t widest = std::max(columns_, gate_.branches * gate_.hidden);
    row_parts_ = at::empty({cuda_splits(count) * widest}, x.options());
    weights = at::empty({columns_, gate_.width}, x.options());
    biases = at::empty({columns_}, x.options());
    w = at::empty({gate_.branches, gate_.hidden}, x.options());
  }

  void run() {
    for (std::int64_t first = 0; first < x_.size(0); first += kCudaRowsAtOnce)
      add(first, std::min(x_.size(0) - first, kCudaRowsAtOnce));
  }

  at::Tensor weights, biases, w;  ///< [2H, D], [2H], [K, H]

 private:
  void add(std::int64_t first, std::int64_t count) {
    void* const stream = current_stream(x_);
    const float *const rows = floats(x_) + first * gate_.width, *const ds = floats(ds_) + first;
    const std::int64_t stride = ds_.size(1);
    const bool more = first > 0;
    kernel.gate_hidden_grad(rows, count, gate_, ds, stride, mutable_floats(hidden_grad_), mutable_floats(hidden_),
                            stream);
    kernel.weighted_sums(ds, stride, floats(hidden_), gate_.branches, count, gate_.hidden, kSplit, more,
                         mutable_floats(row_parts_), mutable_floats(w), stream);
    kernel.weighted_sums(nullptr, 0, floats(hidden_grad_), 1, count, columns_, kSplit, more, mutable_floats(row_parts_),
                         mutable_floats(biases), stream);
    kernel.weight_grad(floats(hidden_grad_), rows, count, columns_, gate_.width, kWeightSplit, more,
                       mutable_floats(parts_), mutable_floats(weights), stream);
    if (dx_.defined())
      kernel.gate_row_grad(floats(hidden_grad_), count, gate_, mutable_floats(dx_) + first * gate_.width, stream);
  }

  kernels::GateView gate_;
  at::Tensor x_, ds_, dx_;
  std::int64_t columns_;
  at::Tensor hidden_grad_, hidden_, parts_, row_parts_;
};

}  // namespace

ScorePoolGradients cuda_score_pool_backward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                            bool want_scores, bool want_x) {
  const c10::DeviceGuard guard(x.device());
  return through_softmax(gradients, pooled, x.contiguous(), {}, want_scores, want_x);
}

GatedPoolGradients cuda_gated_pool_backward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                            const GateWeights& weights, const Keep& keep, bool want_x) {
  const c10::DeviceGuard guard(x.device());
  const at::Tensor rows = x.contiguous(), mask = keep.mask.defined() ? keep.mask.contiguous() : keep.mask;
  const CudaGate gate(weights);
  const ScorePoolGradients through = through_softmax(gradients, pooled, rows, mask, true, want_x);
  GateSums sums(gate, rows, through.scores, through.x);
  sums.run();
  const std::int64_t hidden = weights.wv.size(0);
  const auto part = [hidden](const at::Tensor& both, std::int64_t from) {
    return both.slice(0, from, from + hidden).clone();  // gradients of two inputs do not share storage
  };
  GatedPoolGradients result;
  result.x = through.x;
  result.wv = part(sums.weights, 0), result.bv = part(sums.biases, 0);
  if (weights.wu.defined()) result.wu = part(sums.weights, hidden), result.bu = part(sums.biases, hidden);
  result.w = sums.w, result.b = through.scores.sum(1);
  return result;
}

}  // namespace fovea::attention::ops
