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

template SoftmaxState<double> softmax_split_cpu(const float*, std::int64_t, float*);
template SoftmaxState<double> softmax_split_cpu(const double*, std::int64_t, double*);

}  // namespace fovea::attention::kernels
