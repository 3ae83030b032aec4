// Weights that outlive the network they came from, and back into it.
#pragma once

#include <fovea/models/state.h>

namespace fovea::models {

/// Memory of its own, outside of any graph.
StateDict copied(const StateDict& state);
/// Into the tensors of `to`, in place. Error(kShape) when `from` lacks one of them, or its shape differs.
void copy_into(const StateDict& to, const StateDict& from);

}  // namespace fovea::models
