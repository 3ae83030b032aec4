// libfovea_cuda.so, opened at run time: one build runs with and without a GPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/kernels/gate.h"
#include "attention/kernels/pool.h"

namespace fovea::attention::ops {

struct CudaLibrary {
  decltype(&fovea_cuda_gate_scores) gate_scores = nullptr;
  decltype(&fovea_cuda_pool_splits) pool_splits = nullptr;
  decltype(&fovea_cuda_pool_merge) pool_merge = nullptr;
  decltype(&fovea_cuda_attention_gate) attention_gate = nullptr;
};

/// Null when the library is not beside libfovea_models.so (or cannot be loaded): the reference then runs on the device.
const CudaLibrary* cuda_library();

/// The stream on which LibTorch queues work for this tensor's device, as a cudaStream_t.
void* current_stream(const at::Tensor& tensor);

/// Error(kDevice) when a launch failed.
void check_launch(int status, const char* kernel);

}  // namespace fovea::attention::ops
