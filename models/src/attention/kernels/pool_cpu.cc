#include "attention/kernels/pool.h"

#include <algorithm>

#include "attention/kernels/vector/table.h"

namespace fovea::attention::kernels {

template <class T>
SoftmaxState<double> softmax_split_cpu(const T* scores, std::int64_t n, T* weights) {
  SoftmaxState<double> state = neutral_state<double>();
  T largest = -INFINITY;
  bool bad = false;
  for (std::int64_t i = 0; i < n; ++i) {
    bad |= scores[i] != scores[i];  // a NaN score is never hidden
    largest = scores[i] > largest ? scores[i] : largest;
  }
  state.m = bad ? static_cast<double>(NAN) : static_cast<double>(largest);
  if (state.m == -INFINITY) {
    std::fill(weights, weights + n, T(0));
    return state;
  }
  pool_kernels<T>().exp_shifted(scores, n, bad ? static_cast<T>(NAN) : largest, weights);
  for (std::int64_t i = 0; i < n; ++i) {
    state.l += weights[i];
    if (weights[i] != T(0)) state.t += static_cast<double>(weights[i]) * scores[i];  // 0 * -inf would be NaN
  }
  return state;
}

template <class T>
void merge_cpu(SoftmaxState<double>& into, double* sum_into, const SoftmaxState<double>& from, const T* sum_from,
               std::int64_t width) {
  double scale_into = 0, scale_from = 0;
  into = merged(into, from, scale_into, scale_from);
  for (std::int64_t i = 0; i < width; ++i) sum_into[i] = sum_into[i] * scale_into + sum_from[i] * scale_from;
}

template SoftmaxState<double> softmax_split_cpu(const float*, std::int64_t, float*);
template SoftmaxState<double> softmax_split_cpu(const double*, std::int64_t, double*);
template void merge_cpu(SoftmaxState<double>&, double*, const SoftmaxState<double>&, const float*, std::int64_t);
template void merge_cpu(SoftmaxState<double>&, double*, const SoftmaxState<double>&, const double*, std::int64_t);

}  // namespace fovea::attention::kernels
