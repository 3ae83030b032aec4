#include "attention/ops/cuda_library.h"

#include <atomic>
#include <string>

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <fovea/base/error.h>

namespace fovea::attention::ops {
namespace {

std::atomic<CudaSymbols> given{nullptr};

std::string folder_of_this_library() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(&check_launch), &info) || !info.dli_fname) return {};
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

void* library() {
  static void* const opened = dlopen((folder_of_this_library() + "libfovea_cuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  return opened;
}

}  // namespace

void use_cuda_symbols(CudaSymbols symbols) {
  given = symbols;
}

bool has_cuda_kernels(const at::Tensor& tensor) {
  return given.load() ? tensor.is_cpu() : tensor.is_cuda() && library();
}

bool runs_on_cuda(std::initializer_list<at::Tensor> tensors) {
  const at::Tensor& first = *tensors.begin();
  for (const at::Tensor& tensor : tensors)
    if (tensor.defined() &&
        (tensor.scalar_type() != at::kFloat || tensor.device() != first.device() || tensor.numel() == 0))
      return false;
  return has_cuda_kernels(first);
}

void* current_stream(const at::Tensor& tensor) {
  if (!tensor.is_cuda()) return nullptr;
  const c10::impl::VirtualGuardImpl guard(tensor.device().type());
  return guard.getStream(tensor.device()).native_handle();
}

void check_launch(int status, const char* kernel) {
  if (status != 0)
    throw Error(ErrorCode::kDevice, "GPU",
                std::string("the kernel ") + kernel + " failed with CUDA error " + std::to_string(status),
                "Run with --device cpu, or check the driver.");
}

void* cuda_symbol(const char* name) {
  const CudaSymbols symbols = given.load();
  void* found = symbols ? symbols(name) : library() ? dlsym(library(), name) : nullptr;
  if (!found)
    throw Error(ErrorCode::kDevice, "GPU", std::string("libfovea_cuda.so holds no kernel ") + name,
                "Install the library that was built with this program.");
  return found;
}

}  // namespace fovea::attention::ops
