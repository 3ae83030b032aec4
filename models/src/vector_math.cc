// MKL's vector mathematics inside LibTorch 2.11 sets itself up on first use, and two threads that arrive together can
// be served by a kernel of low accuracy: the first parallel tanh or log of a process came out wrong by up to 9e-5 in
// one thread's half, in 13 (tanh) and 9 (log) of 200 processes. Each function is therefore called once, by one thread,
// when this library is loaded.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>

namespace fovea::models {
namespace {

bool set_up() {
  const at::NoGradGuard no_grad;
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor x = at::full({64}, 0.5, type);  // far below the size that LibTorch shares among threads
    for (auto function :
         {&at::Tensor::exp,   &at::Tensor::expm1, &at::Tensor::log,   &at::Tensor::log1p, &at::Tensor::log2,
          &at::Tensor::log10, &at::Tensor::tanh,  &at::Tensor::sin,   &at::Tensor::cos,   &at::Tensor::tan,
          &at::Tensor::asin,  &at::Tensor::acos,  &at::Tensor::atan,  &at::Tensor::erf,   &at::Tensor::erfc,
          &at::Tensor::sqrt,  &at::Tensor::ceil,  &at::Tensor::floor, &at::Tensor::round, &at::Tensor::trunc})
      (x.*function)();
  }
  return true;
}

[[maybe_unused]] const bool ready = set_up();

}  // namespace
}  // namespace fovea::models
