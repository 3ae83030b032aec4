// The diversity of branches from their Gram matrix (attention.md 4.2).
#pragma once

#include <ATen/core/Tensor.h>

namespace fovea::attention::ops {

/// Mean over pairs of branches of G_ij / (|a_i| |a_j|), and over leading dimensions; scalar. gram: [.., K, K]. 0 for
/// one branch; a branch without weight gives 0 and gets no gradient.
at::Tensor mean_cosine(const at::Tensor& gram);

}  // namespace fovea::attention::ops
