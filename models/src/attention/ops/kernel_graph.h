// Kernels with a graph: a forward launch whose gradients are launches too.
#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::attention::ops {

/// Gradients of the inputs, in order, from those of the results. Undefined for an input that has none.
using KernelBackward = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& upstream)>;

struct KernelRun {
  std::vector<at::Tensor> results;
  /// May hold the inputs, but of the results only detached() copies: they will own the graph that owns this.
  KernelBackward backward;
};

/// `run`, which is called at once and without a graph, as one node of the graph of `inputs`. Not differentiable twice:
/// Error(kUsage).
std::vector<at::Tensor> with_graph(const std::vector<at::Tensor>& inputs, const std::function<KernelRun()>& run);

}  // namespace fovea::attention::ops
