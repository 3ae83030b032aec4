// States and Gram behind softmax_state.h.
#pragma once

#include <fovea/models/softmax_state.h>

namespace fovea::attention::ops {

at::Tensor reference_gram(const at::Tensor& scores);
at::Tensor split_gram(const at::Tensor& scores);  ///< CPU, no graph; accumulates in double

}  // namespace fovea::attention::ops
