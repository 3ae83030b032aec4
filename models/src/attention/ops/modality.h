// Masked modality attention behind volume_attention.h.
#pragma once

#include <fovea/models/volume_attention.h>

namespace fovea::attention::ops {

/// Scores [B, M, V] of voxels: features [B, M, C, V], guide [B, Cg, V]. Meaningless, but finite, where absent.
at::Tensor reference_modality_scores(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                     const ModalityWeights& weights);
/// y [B, C, V], weights [B, M, V].
FusedModalities reference_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present);

/// Blocks of voxels on all threads, only present modalities touched. CPU, no graph.
FusedModalities blocked_modalities(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                   const ModalityWeights& weights);
FusedModalities blocked_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present);

}  // namespace fovea::attention::ops
