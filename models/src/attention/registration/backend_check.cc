#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/cuda_library.h"
#include "attention/registration/kernel.h"

namespace fovea::attention::registration {

void check_backend(const at::Tensor& tensor) {
  if (backend() == Backend::kCpu && !tensor.is_cpu())
    throw Error(ErrorCode::kDevice, "attention back end", "cpu is forced, and the tensors are not on the CPU",
                "Move them, or set FOVEA_ATTENTION_BACKEND=auto.");
  if (backend() != Backend::kCuda) return;
  if (!tensor.is_cuda())
    throw Error(ErrorCode::kDevice, "attention back end", "cuda is forced, and the tensors are not on a GPU",
                "Run with --device cuda, or set FOVEA_ATTENTION_BACKEND=auto.");
  if (!ops::has_cuda_kernels(tensor))
    throw Error(ErrorCode::kDevice, "attention back end", "cuda is forced, and libfovea_cuda.so cannot be loaded",
                "Build with CUDA, or set FOVEA_ATTENTION_BACKEND=auto.");
}

}  // namespace fovea::attention::registration
