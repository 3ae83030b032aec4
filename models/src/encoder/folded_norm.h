// Batch norm folded into the convolution before it: y = (w * s) x + (b - mean s), s = gamma / sqrt(var + eps), worked
// out in float64.
#pragma once

#include <string>
#include <vector>

#include <fovea/models/state.h>

namespace fovea::models::encoder_detail {

struct FoldedConvolution {
  at::Tensor weight, bias;  ///< weight with channels innermost; device and type of the convolution's
};
/// `convolution` and `norm`: names without ".weight" and the like; the convolution has no bias.
FoldedConvolution folded_convolution(const StateDict& state, const std::string& convolution, const std::string& norm,
                                     double eps);

/// The specs of a batch norm over `channels`.
void add_batch_norm(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t channels);

}  // namespace fovea::models::encoder_detail
