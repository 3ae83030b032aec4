// Which path an operator takes: one rule for the whole layer.
#pragma once

#include <algorithm>
#include <initializer_list>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <fovea/models/attention.h>

namespace fovea::attention::ops {

/// A gradient will be asked for: only operations that autograd knows may run. Undefined tensors count for nothing.
inline bool needs_graph(std::initializer_list<at::Tensor> tensors) {
  return at::GradMode::is_enabled() && std::any_of(tensors.begin(), tensors.end(), [](const at::Tensor& t) {
           return t.defined() && t.requires_grad();
         });
}

/// The reference runs: by choice, or on the CPU for a graph. Devices have kernels for both directions.
inline bool by_definition(std::initializer_list<at::Tensor> tensors) {
  return backend() == Backend::kReference || (tensors.begin()->is_cpu() && needs_graph(tensors));
}

/// As above, or because the first tensor's device has no path of its own.
inline bool takes_reference(std::initializer_list<at::Tensor> tensors) {
  return by_definition(tensors) || !tensors.begin()->is_cpu();
}

/// The native CPU path runs when no graph is recorded.
inline bool takes_native(const at::Tensor& tensor) {
  return backend() != Backend::kReference && tensor.is_cpu();
}

}  // namespace fovea::attention::ops
