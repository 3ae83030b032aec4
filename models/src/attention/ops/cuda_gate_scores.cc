// Gate scores on a GPU: which of the kernels runs.
#include <algorithm>
#include <cstdint>

#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_pool.h"

namespace fovea::attention::ops {
namespace {

struct Kernels {
  CudaKernel<decltype(fovea_cuda_compute_capability)> compute_capability{"fovea_cuda_compute_capability"};
  CudaKernel<decltype(fovea_cuda_gate_scores)> gate_scores{"fovea_cuda_gate_scores"};
  CudaKernel<decltype(fovea_cuda_gate_scores_mma)> gate_scores_mma{"fovea_cuda_gate_scores_mma"};
  CudaKernel<decltype(fovea_cuda_pack_gate)> pack_gate{"fovea_cuda_pack_gate"};
  CudaKernel<decltype(fovea_cuda_hopper_scores)> hopper_scores{"fovea_cuda_hopper_scores"};
  CudaKernel<decltype(fovea_cuda_activate_scores)> activate_scores{"fovea_cuda_activate_scores"};
};
const Kernels kernel;

at::Tensor dense(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.detach().to(at::kFloat).contiguous() : tensor;
}

int compute_capability() {
  int value = 0;
  kernel.compute_capability(&value);
  return value;
}

/// Whether the library's product and a second kernel beat the fused one. The product has 4 D H operations a row, the
/// pre-activations that it leaves are written and read once, 16 H bytes. If the fused loop loses a quarter of the
/// arithmetic rate, the break-even lies at D = 16 x rate / bandwidth: about 320 on the devices of 2020 and later.
/// Reckoned, not measured.
bool library_product_pays(std::int64_t width) {
  return width >= 512;
}

void library_scores(const at::Tensor& x, const CudaGate& gate, const kernels::KeepView& keep,
                    const at::Tensor& scores) {
  const GateWeights& w = gate.weights;
  const at::Tensor both = w.wu.defined() ? at::cat({w.wv, w.wu}) : w.wv,
                   bias = w.wu.defined() ? at::cat({w.bv, w.bu}) : w.bv;
  const std::int64_t rows = x.size(0);
  for (std::int64_t first = 0; first < rows; first += kCudaRowsAtOnce) {
    const std::int64_t count = std::min(rows - first, kCudaRowsAtOnce);
    const at::Tensor pre = at::addmm(bias, x.slice(0, first, first + count), both.t()).contiguous();
    const kernels::KeepView part{keep.keep ? keep.keep + first : nullptr, keep.stride, keep.fill};
    kernel.activate_scores(floats(pre), count, gate.view(), part, mutable_floats(scores) + first, rows,
                           current_stream(x));
  }
}

/// TMA wants lines of a multiple of 16 bytes; a thread's registers hold the sums of 8 branches.
bool hopper_fits(const kernels::GateView& gate) {
  return gate.wu && gate.width % 8 == 0 && gate.branches <= 8 && compute_capability() == 90;
}

void hopper_scores(const at::Tensor& rows, const CudaGate& gate, const kernels::KeepView& keep,
                   const at::Tensor& scores) {
  at::Tensor x = rows.to(at::kBFloat16).contiguous();
  if (reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % 16 != 0) x = x.clone();  // a view; TMA wants it aligned
  const std::int64_t tiles = (gate.view().hidden + 63) / 64;
  const at::Tensor packed = at::empty({128 * tiles, gate.view().width}, x.options());
  kernel.pack_gate(gate.view(), packed.mutable_data_ptr(), current_stream(x));
  kernel.hopper_scores(x.const_data_ptr(), packed.const_data_ptr(), x.size(0), gate.view(), keep,
                       mutable_floats(scores), scores.size(1), current_stream(x));
}

}  // namespace

CudaGate::CudaGate(const GateWeights& w)
    : weights{dense(w.wv), dense(w.bv), dense(w.wu), dense(w.bu), dense(w.w), dense(w.b)} {}

kernels::GateView CudaGate::view() const {
  const GateWeights& w = weights;
  return {floats(w.wv), floats(w.bv), floats(w.wu), floats(w.bu), floats(w.w),
          floats(w.b),  w.wv.size(1), w.wv.size(0), w.w.size(0)};
}

kernels::KeepView keep_view(const at::Tensor& mask, double fill) {
  if (!mask.defined()) return {nullptr, 0, 0};
  const bool shared = mask.dim() == 1 || mask.size(0) == 1;
  return {mask.const_data_ptr<bool>(), shared ? 0 : mask.size(1), static_cast<float>(fill)};
}

at::Tensor cuda_gate_scores(const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                            const CudaGateOptions& options) {
  const c10::DeviceGuard guard(x.device());
  const CudaGate gate(weights);
  at::Tensor rows = x.contiguous();
  const at::Tensor mask = keep.mask.defined() ? keep.mask.contiguous() : keep.mask;
  const kernels::KeepView kept = keep_view(mask, keep.fill);
  const std::int64_t n = rows.size(0);
  const at::Tensor scores = at::empty({gate.view().branches, n}, gate.weights.w.options());
  const bool narrow = rows.scalar_type() == at::kBFloat16;
  const kernels::GatePrecision precision = narrow ? kernels::kBfloat16Gate : options.precision;
  if (options.hopper && precision == kernels::kBfloat16Gate && hopper_fits(gate.view())) {
    hopper_scores(rows, gate, kept, scores);
    return scores;
  }
  if (precision != kernels::kExactGate && compute_capability() >= 80) {
    kernel.gate_scores_mma(rows.const_data_ptr(), narrow ? kernels::kBfloat16Rows : kernels::kFloat32Rows, precision, n,
                           gate.view(), kept, mutable_floats(scores), n, current_stream(x));
    return scores;
  }
  rows = rows.to(at::kFloat);
  if (library_product_pays(rows.size(1)))
    library_scores(rows, gate, kept, scores);
  else
    kernel.gate_scores(floats(rows), n, gate.view(), kept, mutable_floats(scores), n, current_stream(x));
  return scores;
}

}  // namespace fovea::attention::ops
