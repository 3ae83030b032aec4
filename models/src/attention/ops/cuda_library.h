// libfovea_cuda.so, opened at run time: one build runs with and without a GPU. Each family (ops/cuda_<family>.cc) holds
// a table of CudaKernel, one a launcher.
#pragma once

#include <initializer_list>

#include <ATen/core/Tensor.h>

namespace fovea::attention::ops {

/// Where launchers are looked up by name; null for a name it does not know.
using CudaSymbols = void* (*)(const char* name);
/// Tests run the launchers under emulation: from now on these symbols serve, and CPU tensors count as a device's. Call
/// before any family is used. Null goes back to the library.
void use_cuda_symbols(CudaSymbols symbols);

/// The tensor lies on a CUDA device and the library is present.
bool has_cuda_kernels(const at::Tensor& tensor);
/// All (defined ones) float32 with values on one CUDA device, and the library present. Otherwise the reference runs
/// there.
bool runs_on_cuda(std::initializer_list<at::Tensor> tensors);

/// The stream on which LibTorch queues work for this tensor's device, as a cudaStream_t.
void* current_stream(const at::Tensor& tensor);

/// Error(kDevice) when a launch failed.
void check_launch(int status, const char* kernel);

void* cuda_symbol(const char* name);  ///< Error(kDevice) when the library lacks it

/// One launcher, found at its first use. `CudaKernel<decltype(fovea_cuda_x)> x{"fovea_cuda_x"};`, then
/// `x(arguments...)`: throws when the launch failed.
template <class Function>
class CudaKernel;
template <class... Parameters>
class CudaKernel<int(Parameters...)> {
 public:
  explicit CudaKernel(const char* name) : name_(name) {}
  void operator()(Parameters... arguments) const {
    if (!function_) function_ = reinterpret_cast<int (*)(Parameters...)>(cuda_symbol(name_));
    check_launch(function_(arguments...), name_);
  }

 private:
  const char* name_;
  mutable int (*function_)(Parameters...) = nullptr;
};

inline const float* floats(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}
inline float* mutable_floats(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}

}  // namespace fovea::attention::ops
