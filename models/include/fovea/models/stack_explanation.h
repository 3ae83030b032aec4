// UpAttLLSTM's inference with the maps that explain it (recurrent_segmentation.h).
#pragma once

#include <functional>

#include <fovea/models/segmentation.h>

namespace fovea::models {

/// What the network saw, and how it came to it, at full resolution.
struct StackExplanation {
  at::Tensor probability;  ///< of the target [B, 1, X, Y, S]
  at::Tensor modalities;   ///< weights of the modality attention [B, M, X, Y, S]: sum 1, 0 where absent
  at::Tensor gate;         ///< psi of the attention gate [B, 1, X, Y, S], 0 to 1
};
/// `infer` with its maps, in the same memory but for these. `advance` is called with 0..1 every few slices and may
/// throw to stop. Error(kUsage) unless the network is an UpAttLLSTM.
StackExplanation explain_stack(const SegNetwork& network, const SegInput& input,
                               const std::function<void(double)>& advance = {});

}  // namespace fovea::models
