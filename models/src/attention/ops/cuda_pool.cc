// Pooling on a GPU: the kernels of libfovea_cuda.so on LibTorch's current stream, or the reference where they are
// missing.
#include "attention/ops/cuda_pool.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include <fovea/base/error.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

struct Kernels {
  CudaKernel<decltype(fovea_cuda_pool_states)> pool_states{"fovea_cuda_pool_states"};
  CudaKernel<decltype(fovea_cuda_pool_sums)> pool_sums{"fovea_cuda_pool_sums"};
  CudaKernel<decltype(fovea_cuda_pool_gram)> pool_gram{"fovea_cuda_pool_gram"};
  CudaKernel<decltype(fovea_cuda_softmax_merge)> softmax_merge{"fovea_cuda_softmax_merge"};
};
const Kernels kernel;

kernels::ShiftedState* mutable_states(const at::Tensor& totals) {
  return static_cast<kernels::ShiftedState*>(totals.mutable_data_ptr());
}

at::Tensor gram_of(const at::Tensor& scores, const at::Tensor& totals) {
  const std::int64_t branches = scores.size(0), rows = scores.size(1);
  const at::Tensor parts = at::empty({cuda_splits(rows), branches, branches}, scores.options()),
                   gram = at::empty({branches, branches}, scores.options());
  kernel.pool_gram(floats(scores), states(totals), branches, rows, kSplit, mutable_floats(parts), mutable_floats(gram),
                   current_stream(scores));
  return gram;
}

/// `scores` contiguous float32, `x` contiguous float32 or bf16.
Pooled pooled_of(const at::Tensor& scores, const at::Tensor& x, bool want_gram) {
  const std::int64_t branches = scores.size(0), rows = x.size(0), width = x.size(1);
  const at::TensorOptions options = scores.options();
  Pooled pooled{at::empty({branches, width}, options), scores, at::empty({branches}, options),
                at::empty({branches}, options)};
  const at::Tensor totals = cuda_pool_totals(scores, pooled.lse, pooled.entropy),
                   parts = at::empty({cuda_splits(rows), branches, width}, options);
  const int row_type = x.scalar_type() == at::kBFloat16 ? kernels::kBfloat16Rows : kernels::kFloat32Rows;
  kernel.pool_sums(floats(scores), states(totals), x.const_data_ptr(), row_type, branches, rows, width, kSplit,
                   mutable_floats(parts), mutable_floats(pooled.z), current_stream(scores));
  if (want_gram) pooled.gram = gram_of(scores, totals);
  pooled.z = pooled.z.to(x.scalar_type());
  return pooled;
}

bool fits(const at::Tensor& x, const at::Tensor& with) {
  const auto narrow = [](const at::Tensor& t) {
    return t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16;
  };
  return narrow(x) && narrow(with) && x.device() == with.device() && has_cuda_kernels(x);
}

}  // namespace

CudaGateOptions cuda_gate_options() {
  const char* const name = std::getenv("FOVEA_CUDA_PRECISION");
  const char* const hopper = std::getenv("FOVEA_CUDA_HOPPER");
  const std::string precision = name ? name : "";
  CudaGateOptions options;
  options.hopper = hopper && std::string(hopper) == "1";
  if (precision == "tf32")
    options.precision = kernels::kTf32Gate;
  else if (precision == "bf16")
    options.precision = kernels::kBfloat16Gate;
  else if (!precision.empty() && precision != "exact")
    throw Error(ErrorCode::kUsage, "FOVEA_CUDA_PRECISION", "there is no precision '" + precision + "'",
                "Choose exact, tf32 or bf16.");
  return options;
}

at::Tensor cuda_pool_totals(const at::Tensor& scores, const at::Tensor& lse, const at::Tensor& entropy) {
  const std::int64_t branches = scores.size(0), rows = scores.size(1);
  const at::Tensor totals = at::empty({branches, 3}, scores.options()),
                   parts = at::empty({cuda_splits(rows), branches, 3}, scores.options());
  kernel.pool_states(floats(scores), branches, rows, kSplit, mutable_states(parts), mutable_states(totals),
                     mutable_floats(lse), mutable_floats(entropy), current_stream(scores));
  return totals;
}

Pooled cuda_score_pool(const at::Tensor& scores, const at::Tensor& x, bool want_gram) {
  const bool graph = needs_graph({scores, x});
  if (!fits(x, scores) || (graph && !runs_on_cuda({x, scores}))) return reference_score_pool(scores, x);
  if (graph) return recorded_score_pool(scores, x);
  const c10::DeviceGuard guard(x.device());
  return pooled_of(scores.to(at::kFloat).contiguous(), x.contiguous(), want_gram);
}

Pooled cuda_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep) {
  return cuda_gated_pool(x, weights, keep, cuda_gate_options());
}

Pooled cuda_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                       const CudaGateOptions& options) {
  const bool graph = needs_graph({x, weights.wv, weights.bv, weights.wu, weights.bu, weights.w, weights.b});
  if (!fits(x, weights.wv) || (graph && !runs_on_cuda({x, weights.wv, weights.w})))
    return reference_gated_pool(x, weights, keep.mask.defined() ? c10::make_optional(keep.mask) : c10::nullopt,
                                keep.fill);
  if (graph) return recorded_gated_pool(x, weights, keep, options);
  const c10::DeviceGuard guard(x.device());
  const at::Tensor rows = x.contiguous();
  return pooled_of(cuda_gate_scores(rows, weights, keep, options), rows, true);
}

at::Tensor cuda_gram(const at::Tensor& scores) {
  const c10::DeviceGuard guard(scores.device());
  const at::Tensor dense = scores.contiguous();
  return gram_of(dense, cuda_pool_totals(dense, {}, {}));
}

Merged cuda_softmax_merge(const at::Tensor& outs, const at::Tensor& lses) {
  const c10::DeviceGuard guard(outs.device());
  const at::Tensor parts = outs.contiguous(), sums = lses.contiguous();
  Merged merged{at::empty(outs.sizes().slice(1), outs.options()), at::empty(lses.sizes().slice(1), lses.options())};
  kernel.softmax_merge(floats(parts), floats(sums), lses.size(0), merged.lse.numel(), outs.size(-1),
                       mutable_floats(merged.out), mutable_floats(merged.lse), current_stream(outs));
  return merged;
}

}  // namespace fovea::attention::ops
