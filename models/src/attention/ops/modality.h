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

/// On a GPU; the reference where the library is missing and for more than eight modalities.
FusedModalities cuda_modalities(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                const ModalityWeights& weights);
FusedModalities cuda_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present);

struct FusedGradients {
  at::Tensor features, scores;
};
struct ModalityGradients {
  at::Tensor features, guide;
  ModalityWeights weights;
};
/// Need the library (runs_on_cuda) and at most eight modalities. upstream.weights may be undefined.
FusedGradients cuda_modalities_backward(const at::Tensor& features, const at::Tensor& present,
                                        const FusedModalities& forward, const FusedModalities& upstream);
ModalityGradients cuda_modalities_backward(const at::Tensor& features, const at::Tensor& guide,
                                           const at::Tensor& present, const ModalityWeights& weights,
                                           const FusedModalities& forward, const FusedModalities& upstream);

}  // namespace fovea::attention::ops
