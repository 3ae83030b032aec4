// States and Gram behind softmax_state.h.
#pragma once

#include <fovea/models/softmax_state.h>

namespace fovea::attention::ops {

at::Tensor reference_gram(const at::Tensor& scores);

}  // namespace fovea::attention::ops
