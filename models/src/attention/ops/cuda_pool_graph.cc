// Pooling on a GPU with a graph: one node whose backward launches kernels.
#include "attention/ops/cuda_pool.h"

#include "attention/ops/kernel_graph.h"

namespace fovea::attention::ops {
namespace {

/// What backward reads: detached, because the results own the graph that owns this.
Pooled kept_of(const Pooled& pooled) {
  return {pooled.z.detach(), pooled.scores.detach(), {}, {}, pooled.gram.detach()};
}

}  // namespace

Pooled recorded_score_pool(const at::Tensor& scores, const at::Tensor& x) {
  const auto results = with_graph({scores, x}, [&] {
    const Pooled pooled = cuda_score_pool(scores, x);
    const Pooled kept = kept_of(pooled);
    const bool of_scores = scores.requires_grad(), of_x = x.requires_grad();
    return KernelRun{{pooled.z, pooled.lse, pooled.entropy, pooled.gram},
                     [kept, rows = x.detach(), of_scores, of_x](const std::vector<at::Tensor>& up) {
                       const ScorePoolGradients g =
                           cuda_score_pool_backward({up[0], {}, up[1], up[2], up[3]}, kept, rows, of_scores, of_x);
                       return std::vector<at::Tensor>{g.scores, g.x};
                     }};
  });
  return {results[0], scores, results[1], results[2], results[3]};
}

Pooled recorded_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                           const CudaGateOptions& options) {
  std::vector<at::Tensor> inputs{x, weights.wv, weights.bv, weights.w, weights.b};
  const bool gated = weights.wu.defined();
  if (gated) inputs.insert(inputs.end(), {weights.wu, weights.bu});
  const auto results = with_graph(inputs, [&] {
    const Pooled pooled = cuda_gated_pool(x, weights, keep, options);
    const Pooled kept = kept_of(pooled);
    return KernelRun{{pooled.z, pooled.scores, pooled.lse, pooled.entropy, pooled.gram},
                     [kept, gate = CudaGate(weights).weights, keep, gated, rows = x.detach(),
                      of_x = x.requires_grad()](const std::vector<at::Tensor>& up) {
                       const GatedPoolGradients g =
                           cuda_gated_pool_backward({up[0], up[1], up[2], up[3], up[4]}, kept, rows, gate, keep, of_x);
                       std::vector<at::Tensor> gradients{g.x, g.wv, g.bv, g.w, g.b};
                       if (gated) gradients.insert(gradients.end(), {g.wu, g.bu});
                       return gradients;
                     }};
  });
  return {results[0], results[1], results[2], results[3], results[4]};
}

}  // namespace fovea::attention::ops
