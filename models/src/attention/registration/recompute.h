// Backward operators: their arguments apart, and the one that serves where there is no kernel.
#pragma once

#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>

#include "attention/registration/arguments.h"

namespace fovea::attention::registration {

/// The arguments of X_backward.
struct Request {
  std::vector<at::Tensor> grads;  ///< of X's outputs but constant ones; undefined where nothing flows
  Stack inputs;                   ///< the arguments of X
  std::vector<Slot> slots;        ///< of the tensors among them
  std::vector<bool> wanted;       ///< one for every slot
  Stack kept;                     ///< outputs of X
};
Request request_of(const c10::OperatorHandle& op, const Stack& stack);

/// Leaves the result of X_backward on the stack: one gradient for every true entry of `wanted`, in order.
void finish(Stack* stack, const std::vector<at::Tensor>& gradients);

/// X runs once more on detached inputs, recording a graph, which is differentiated at once.
void recompute(const c10::OperatorHandle& op, Stack* stack);

}  // namespace fovea::attention::registration
