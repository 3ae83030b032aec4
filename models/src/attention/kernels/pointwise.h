// Hidden values of a voxel on CUDA, the common part of attention gates and modality attention: relu of one or two
// projections of its channels, never in memory. Contiguous float32 device memory. C++17, no tensor library.
#pragma once

#include <cstdint>

namespace fovea::attention::kernels {

/// W x of voxels. `values` [images, terms or 1, channels, voxels], `weights` [terms or 1, hidden, channels]: strides of
/// a term are 0 where all terms share one. Null weights: absent.
struct Projection {
  const float *weights, *values, *bias;  ///< bias [hidden], may be null
  std::int64_t channels, weight_term_stride, image_stride, term_stride;
};

/// pre = sum of the projections and biases. A gate has one term, modality attention one a modality.
struct Hidden {
  Projection projections[2];
  std::int64_t hidden, voxels, images, terms;
  const bool* present;  ///< [images, terms], null: all; what is absent is never read
};

/// The gradient of the values of one projection, behind score = sum_f psi_f relu(pre_f).
struct HiddenBackward {
  Hidden in;
  Projection of;
  const float* psi;    ///< [hidden]
  const float* slope;  ///< [images, terms, voxels]  gradient of the score
  float* into;         ///< like the projection's values
  bool add;            ///< to what `into` holds
};

/// sum over voxels of slope [pre_f > 0] (x_c, 1), of splits of kVoxelSplit voxels: all that the weights' gradients
/// need, since psi is a factor of it and relu(pre_f) = [pre_f > 0] pre_f.
struct HiddenSums {
  Hidden in;
  Projection of;       ///< whose values are x
  const float* slope;  ///< [images, terms, voxels]
  float* parts;        ///< [own terms, images splits, hidden, channels + 1]; own terms = terms if the values have some
};
constexpr std::int64_t kVoxelSplit = 4096;

}  // namespace fovea::attention::kernels

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
int fovea_cuda_hidden_backward(const fovea::attention::kernels::HiddenBackward* in, void* stream);
int fovea_cuda_hidden_sums(const fovea::attention::kernels::HiddenSums* in, void* stream);
}
