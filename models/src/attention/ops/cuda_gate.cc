// Gates on a GPU: the kernels of libfovea_cuda.so on LibTorch's current stream, or the reference when the library or
// the type is missing.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/gate.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/gate.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_attention_gate)> attention_gate_kernel{"fovea_cuda_attention_gate"};

}  // namespace

Gated cuda_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine) {
  if (!runs_on_cuda({x, g})) return reference_gate(g, x, x, weights, combine);
  const c10::DeviceGuard guard(x.device());
  const at::Tensor gc = g.contiguous(), xc = x.contiguous(), wg = weights.wg.contiguous(), wx = weights.wx.contiguous(),
                   psi = weights.wpsi.contiguous(), bg = weights.bg.contiguous(), bx = weights.bx.contiguous();
  std::vector<std::int64_t> alpha_shape = x.sizes().vec();
  alpha_shape[1] = 1;
  Gated gated{at::empty_like(xc), at::empty(alpha_shape, x.options())};
  const std::int64_t voxels = xc[0][0].numel();
  for (std::int64_t image = 0; image < x.size(0); ++image)
    attention_gate_kernel(floats(gc[image]), floats(xc[image]), floats(wg), floats(bg), floats(wx), floats(bx),
                          floats(psi), floats(weights.bpsi), voxels, g.size(1), x.size(1), weights.wg.size(0),
                          combine == GateCombine::kConcat, mutable_floats(gated.alpha[image]),
                          mutable_floats(gated.out[image]), current_stream(x));
  return gated;
}

}  // namespace fovea::attention::ops
