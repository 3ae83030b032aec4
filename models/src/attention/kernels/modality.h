// Masked modality attention's contract on CUDA (the CPU path is blocked matrix products, ops/modality_blocked.cc).
#pragma once

#include <cstdint>

#include "attention/kernels/pointwise.h"

namespace fovea::attention::kernels {

constexpr int kMostModalities = 8;

/// features [images, modalities, channels, voxels], present [images, modalities]. Absent features are never read.
struct Modalities {
  const float* features;
  const bool* present;
  std::int64_t images, modalities, channels, voxels;
};

/// weights [images, modalities, voxels] of the forward pass. grad_y [images, channels, voxels]; grad_weights like
/// weights, or null. Writes dfeatures = a_m grad_y and dscores, 0 where absent.
struct ModalityGradients {
  const float *weights, *grad_y, *grad_weights;
  float *dfeatures, *dscores;
};

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t:
// cudaErrorInvalidValue for more than kMostModalities.
extern "C" {
/// scores [images, terms, voxels] = sum_f psi_f relu(pre_f) + bias[0]; those of absent terms are not written.
int fovea_cuda_modality_scores(const fovea::attention::kernels::Hidden* in, const float* psi, const float* bias,
                               float* scores, void* stream);
/// weights [images, modalities, voxels], y [images, channels, voxels].
int fovea_cuda_modality_fuse(const fovea::attention::kernels::Modalities* in, const float* scores, float* weights,
                             float* y, void* stream);
int fovea_cuda_modality_backward(const fovea::attention::kernels::Modalities* in,
                                 const fovea::attention::kernels::ModalityGradients* gradients, void* stream);
}
