// The pooling kernels' contract beyond the vector tables: raw pointers and sizes, row-major, no tensor library.
#pragma once

#include <cstdint>

#include "attention/kernels/pool_math.h"

namespace fovea::attention::kernels {

/// One row of scores [n] -> its state, and e^(s - m) into `weights` [n]. -inf scores weigh 0. Sums in double.
template <class T>
SoftmaxState<double> softmax_split_cpu(const T* scores, std::int64_t n, T* weights);

/// Adds the split `(from, sum_from)` to `(into, sum_into)`; sums have `width` values.
template <class T>
void merge_cpu(SoftmaxState<double>& into, double* sum_into, const SoftmaxState<double>& from, const T* sum_from,
               std::int64_t width);

}  // namespace fovea::attention::kernels
