#include "attention/ops/cuda_library.h"

#include <string>

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <fovea/base/error.h>

namespace fovea::attention::ops {
namespace {

std::string folder_of_this_library() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(&cuda_library), &info) || !info.dli_fname) return {};
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

CudaLibrary* open_library() {
  void* library = dlopen((folder_of_this_library() + "libfovea_cuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  static CudaLibrary found;
  if (!library) return nullptr;
  const bool complete = find(library, "fovea_cuda_gate_scores", found.gate_scores) &&
                        find(library, "fovea_cuda_pool_splits", found.pool_splits) &&
                        find(library, "fovea_cuda_pool_merge", found.pool_merge) &&
                        find(library, "fovea_cuda_attention_gate", found.attention_gate);
  return complete ? &found : nullptr;
}

}  // namespace

const CudaLibrary* cuda_library() {
  static const CudaLibrary* library = open_library();
  return library;
}

void* current_stream(const at::Tensor& tensor) {
  const c10::impl::VirtualGuardImpl guard(tensor.device().type());
  return guard.getStream(tensor.device()).native_handle();
}

void check_launch(int status, const char* kernel) {
  if (status != 0)
    throw Error(ErrorCode::kDevice, "GPU",
                std::string("the kernel ") + kernel + " failed with CUDA error " + std::to_string(status),
                "Run with --device cpu, or check the driver.");
}

}  // namespace fovea::attention::ops
