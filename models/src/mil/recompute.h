// Memory for time: a part of a network that is computed again in the backward pass instead of holding what it made.
#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::models::mil {

/// What `body` returns, differentiable in `parameters`, which it uses. It runs once without a graph, and once with one
/// for every backward pass: it must do the same each time. Nothing but what it captures is held in between.
std::vector<at::Tensor> recomputed(const std::vector<at::Tensor>& parameters,
                                   const std::function<std::vector<at::Tensor>()>& body);

}  // namespace fovea::models::mil
