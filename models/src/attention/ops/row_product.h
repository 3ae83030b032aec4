// rows W^T for a W that many blocks of rows meet: laid out once for the library's matrix product.
#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

namespace fovea::attention::ops {

/// W [columns, width], float32 or float64. Products run on the calling thread alone when OneThread is alive.
class RowProduct {
 public:
  explicit RowProduct(const at::Tensor& weight);
  std::int64_t columns() const { return weight_.size(0); }
  /// out [n, columns] = rows [n, width] W^T; dense rows of W's type.
  void operator()(const at::Tensor& rows, const at::Tensor& out) const;

 private:
  at::Tensor weight_;
  std::shared_ptr<float> packed_;  ///< null: float64, or a LibTorch on another library than MKL
};

/// The same for bf16 rows and W, with float32 sums and results, in the CPU's matrix tiles. False when the library
/// cannot (nothing is written then).
bool bf16_row_product(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& out);

/// While alive, matrix products of this thread use one thread: MKL's sums depend on how many share them.
class OneThread {
 public:
  OneThread();
  ~OneThread();

 private:
  int before_ = 0;
};

}  // namespace fovea::attention::ops
