#include "attention/ops/row_product.h"

#include <cstdlib>
#include <new>

#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>

// Exported by LibTorch's CPU library, which carries MKL inside; absent in builds on another BLAS, whose products are
// then taken as they are.
extern "C" {
int MKL_Set_Num_Threads_Local(int) __attribute__((weak));
std::size_t cblas_sgemm_pack_get_size(int matrix, int m, int n, int k) __attribute__((weak));
void cblas_sgemm_pack(int layout, int matrix, int transposed, int m, int n, int k, float alpha, const float* from,
                      int stride, float* to) __attribute__((weak));
void cblas_sgemm_compute(int layout, int a_form, int b_form, int m, int n, int k, const float* a, int a_stride,
                         const float* b, int b_stride, float beta, float* c, int c_stride) __attribute__((weak));
void cblas_gemm_bf16bf16f32(int layout, int a_form, int b_form, int m, int n, int k, float alpha, const void* a,
                            int a_stride, const void* b, int b_stride, float beta, float* c, int c_stride)
    __attribute__((weak));
}

namespace fovea::attention::ops {
namespace {

constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112, kPacked = 151, kSecondMatrix = 162;  // CBLAS, MKL
constexpr int kTypicalRows = 256;  // MKL's layout of the packed matrix hardly depends on it

int narrow(std::int64_t value) {
  return static_cast<int>(value);
}

}  // namespace

OneThread::OneThread() {
  // LibTorch sets MKL's number of threads on a thread's first parallel operation. That must not come after ours.
  at::get_num_threads();
  before_ = MKL_Set_Num_Threads_Local ? MKL_Set_Num_Threads_Local(1) : 0;
}
OneThread::~OneThread() {
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(before_);
}

RowProduct::RowProduct(const at::Tensor& weight) : weight_(weight.contiguous()) {
  if (!weight_.is_cpu() || weight_.scalar_type() != at::kFloat || !cblas_sgemm_pack || !cblas_sgemm_pack_get_size ||
      !cblas_sgemm_compute)
    return;
  const int columns = narrow(weight_.size(0)), width = narrow(weight_.size(1));
  constexpr std::size_t kLine = 64;
  const std::size_t bytes = cblas_sgemm_pack_get_size(kSecondMatrix, kTypicalRows, columns, width);
  packed_.reset(static_cast<float*>(std::aligned_alloc(kLine, (bytes + kLine) / kLine * kLine)), std::free);
  if (!packed_) throw std::bad_alloc();
  const OneThread one;
  cblas_sgemm_pack(kRowMajor, kSecondMatrix, kTransposed, kTypicalRows, columns, width, 1.0F,
                   weight_.const_data_ptr<float>(), width, packed_.get());
}

void RowProduct::operator()(const at::Tensor& rows, const at::Tensor& out) const {
  if (!packed_) {
    at::Tensor into = out;
    at::mm_out(into, rows, weight_.t());
    return;
  }
  const int n = narrow(rows.size(0)), columns = narrow(weight_.size(0)), width = narrow(weight_.size(1));
  cblas_sgemm_compute(kRowMajor, kPlain, kPacked, n, columns, width, rows.const_data_ptr<float>(), width, packed_.get(),
                      columns, 0.0F, out.mutable_data_ptr<float>(), columns);
}

bool bf16_row_product(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& out) {
  if (!cblas_gemm_bf16bf16f32) return false;
  const int n = narrow(rows.size(0)), columns = narrow(weight.size(0)), width = narrow(weight.size(1));
  cblas_gemm_bf16bf16f32(kRowMajor, kPlain, kTransposed, n, columns, width, 1.0F, rows.const_data_ptr(), width,
                         weight.const_data_ptr(), width, 0.0F, out.mutable_data_ptr<float>(), columns);
  return true;
}

}  // namespace fovea::attention::ops
