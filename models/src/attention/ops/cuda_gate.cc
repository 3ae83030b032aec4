// Gates on a GPU: the kernels of libfovea_cuda.so on LibTorch's current stream, or the reference when the library or
// the type is missing.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/gate.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_pointwise.h"
#include "attention/ops/gate.h"
#include "attention/ops/kernel_graph.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_attention_gate)> gate_kernel{"fovea_cuda_attention_gate"};
const CudaKernel<decltype(fovea_cuda_gate_slope)> slope_kernel{"fovea_cuda_gate_slope"};

/// A gate's tensors, contiguous, voxels in one dimension: one set of hidden values when adding, two when concatenating.
struct DeviceGate {
  DeviceGate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine)
      : x(x.contiguous().flatten(2)), bpsi(w.bpsi.contiguous()) {
    const at::Tensor psi = w.wpsi.flatten().contiguous();
    const DeviceProjection of_g{w.wg.contiguous(), g.contiguous().flatten(2), w.bg.contiguous()};
    const DeviceProjection of_x{w.wx.contiguous(), this->x, w.bx.contiguous()};
    const std::int64_t hidden = w.wg.size(0);
    if (combine == GateCombine::kAdd)
      sets = {{{of_g, of_x}, psi, {}}};
    else
      sets = {{{of_g}, psi.slice(0, 0, hidden), {}}, {{of_x}, psi.slice(0, hidden), {}}};
  }
  kernels::GateLogits pointers() const {
    kernels::GateLogits logits{};
    logits.count = static_cast<int>(sets.size());
    for (std::size_t i = 0; i < sets.size(); ++i)
      logits.hidden[i] = sets[i].pointers(), logits.psi[i] = floats(sets[i].psi);
    logits.bpsi = floats(bpsi), logits.x = floats(x), logits.x_channels = x.size(1);
    return logits;
  }
  const DeviceHidden& of_g() const { return sets.front(); }
  const DeviceHidden& of_x() const { return sets.back(); }
  at::Tensor x, bpsi;
  std::vector<DeviceHidden> sets;
};

at::Tensor alpha_of(const DeviceGate& gate, const at::Tensor& grid, const at::Tensor& out) {
  std::vector<std::int64_t> shape = grid.sizes().vec();
  shape[1] = 1;
  const at::Tensor alpha = at::empty(shape, grid.options());
  const kernels::GateLogits logits = gate.pointers();
  gate_kernel(&logits, mutable_floats(alpha), mutable_floats(out), current_stream(grid));
  return alpha;
}

Gated gate_with_graph(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine) {
  const auto run = [&]() -> KernelRun {
    const Gated done = cuda_gate(g, x, x, w, combine);
    return {{done.out, done.alpha}, [g, x, w, combine](const std::vector<at::Tensor>& upstream) {
              const GateGradients of = cuda_gate_backward(g, x, w, combine, {upstream[0], upstream[1]});
              const AttentionGateWeights& d = of.weights;
              return std::vector<at::Tensor>{of.g, of.x, d.wg, d.bg, d.wx, d.bx, d.wpsi, d.bpsi};
            }};
  };
  const std::vector<at::Tensor> results = with_graph({g, x, w.wg, w.bg, w.wx, w.bx, w.wpsi, w.bpsi}, run);
  return {results[0], results[1]};
}

}  // namespace

Gated cuda_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                const AttentionGateWeights& weights, GateCombine combine) {
  const AttentionGateWeights& w = weights;
  const bool same = theta_x.sizes() == x.sizes();
  const auto all = {x, g, w.wg, w.bg, w.wx, w.bx, w.wpsi, w.bpsi};
  const bool graph = needs_graph(all);
  if (!runs_on_cuda(all) || (graph && !same)) return reference_gate(g, x, theta_x, w, combine);
  if (graph) return gate_with_graph(g, x, w, combine);
  const c10::DeviceGuard guard(x.device());
  const DeviceGate gate(g, theta_x, weights, combine);
  if (same) {
    const at::Tensor out = at::empty(x.sizes(), x.options());
    return {out, alpha_of(gate, x, out)};
  }
  const at::Tensor alpha = resampled(alpha_of(gate, theta_x, {}), x.sizes().slice(2));
  return {x * alpha, alpha};
}

GateGradients cuda_gate_backward(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights,
                                 GateCombine combine, const Gated& upstream) {
  const c10::DeviceGuard guard(x.device());
  const DeviceGate gate(g, x, weights, combine);
  const at::Tensor dx = at::empty(x.sizes(), x.options()), dg = at::empty(g.sizes(), g.options());
  const at::Tensor slope = at::empty({x.size(0), 1, gate.x.size(2)}, x.options());
  const at::Tensor up = upstream.out.contiguous(),
                   up_alpha = upstream.alpha.defined() ? upstream.alpha.contiguous() : upstream.alpha;
  const kernels::GateLogits logits = gate.pointers();
  const kernels::GateSlope slopes{floats(up), floats(up_alpha), mutable_floats(slope), mutable_floats(dx)};
  slope_kernel(&logits, &slopes, current_stream(x));
  const DeviceHidden &of_g = gate.of_g(), &of_x = gate.of_x();
  backward_into(of_g, of_g.projections.front(), slope, dg, false);
  backward_into(of_x, of_x.projections.back(), slope, dx, true);
  const ProjectionGradients from_g = gradients_of(of_g, of_g.projections.front(), slope),
                            from_x = gradients_of(of_x, of_x.projections.back(), slope);
  const at::Tensor psi_g = from_g.psi + from_g.active * weights.bg, psi_x = from_x.psi + from_x.active * weights.bx;
  const at::Tensor psi = combine == GateCombine::kAdd ? psi_g + psi_x : at::cat({psi_g, psi_x});
  return {dg,
          dx,
          {from_g.weights, from_g.bias, from_x.weights, from_x.bias, psi.view(weights.wpsi.sizes()),
           slope.sum().view(weights.bpsi.sizes())}};
}

}  // namespace fovea::attention::ops
