#include "attention/kernels/pool.h"

#include <algorithm>

namespace fovea::attention::kernels {

template <class T>
void activate_cpu(const T* vu, std::int64_t n, std::int64_t hidden_width, bool is_gated, T* hidden) {
  const std::int64_t stride = is_gated ? 2 * hidden_width : hidden_width;
  for (std::int64_t row = 0; row < n; ++row, vu += stride, hidden += hidden_width)
    for (std::int64_t i = 0; i < hidden_width; ++i)
      hidden[i] = is_gated ? gated(vu[i], vu[hidden_width + i]) : std::tanh(vu[i]);
}

template <class T>
SoftmaxState<double> softmax_split_cpu(const T* scores, std::int64_t n, T* weights) {
  SoftmaxState<double> state = neutral_state<double>();
  for (std::int64_t i = 0; i < n; ++i) {
    if (scores[i] != scores[i]) state.m = NAN;  // a NaN score is never hidden
    if (scores[i] > state.m) state.m = scores[i];
  }
  if (state.m == -INFINITY) {
    std::fill(weights, weights + n, T(0));
    return state;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    weights[i] = static_cast<T>(std::exp(static_cast<double>(scores[i]) - state.m));
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

template void activate_cpu(const float*, std::int64_t, std::int64_t, bool, float*);
template void activate_cpu(const double*, std::int64_t, std::int64_t, bool, double*);
template SoftmaxState<double> softmax_split_cpu(const float*, std::int64_t, float*);
template SoftmaxState<double> softmax_split_cpu(const double*, std::int64_t, double*);
template void merge_cpu(SoftmaxState<double>&, double*, const SoftmaxState<double>&, const float*, std::int64_t);
template void merge_cpu(SoftmaxState<double>&, double*, const SoftmaxState<double>&, const double*, std::int64_t);

}  // namespace fovea::attention::kernels
