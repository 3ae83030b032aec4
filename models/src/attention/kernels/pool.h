// The pooling kernels' contract beyond the vector tables: raw pointers and sizes, row-major, no tensor library.
#pragma once

#include <cstdint>

#include "attention/kernels/pool_math.h"

namespace fovea::attention::kernels {

/// One row of scores [n] -> its state, and e^(s - m) into `weights` [n]. -inf scores weigh 0. Sums in double.
template <class T>
SoftmaxState<double> softmax_split_cpu(const T* scores, std::int64_t n, T* weights);

}  // namespace fovea::attention::kernels
