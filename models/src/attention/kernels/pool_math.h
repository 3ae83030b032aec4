// Arithmetic shared by the CPU and CUDA pooling kernels, so that its logic is tested on the CPU. C++17, no tensor
// library.
#pragma once

#include <cmath>

#if defined(__CUDACC__)
#define FOVEA_HOST_DEVICE __host__ __device__
#else
#define FOVEA_HOST_DEVICE
#endif

namespace fovea::attention::kernels {

/// Softmax over a set of keys, for one row: running maximum, sum of e^(s-m), sum of e^(s-m) s. The neutral element is
/// {-inf, 0, 0}. attention.md 3.3; the weighted sum of values travels beside it and is scaled by the same factors.
template <class T>
struct SoftmaxState {
  T m, l, t;
};

template <class T>
FOVEA_HOST_DEVICE inline SoftmaxState<T> neutral_state() {
  return {static_cast<T>(-INFINITY), T(0), T(0)};
}

/// e^(m - merged) without inf - inf: an empty side counts for nothing.
template <class T>
FOVEA_HOST_DEVICE inline T rescale(T m, T merged) {
  return m == static_cast<T>(-INFINITY) ? T(0) : exp(m - merged);
}

/// Merges `b` into `a`; `scale_a` and `scale_b` are the factors for the weighted sums. A NaN on either side stays NaN.
template <class T>
FOVEA_HOST_DEVICE inline SoftmaxState<T> merged(const SoftmaxState<T>& a, const SoftmaxState<T>& b, T& scale_a,
                                                T& scale_b) {
  const T m = a.m > b.m || a.m != a.m ? a.m : b.m;
  scale_a = rescale(a.m, m), scale_b = rescale(b.m, m);
  return {m, a.l * scale_a + b.l * scale_b, a.t * scale_a + b.t * scale_b};
}

/// tanh(v) sigmoid(u): Ilse et al. 2018, eq. 9.
template <class T>
FOVEA_HOST_DEVICE inline T gated(T v, T u) {
  return tanh(v) / (T(1) + exp(-u));
}

template <class T>
FOVEA_HOST_DEVICE inline T lse_of(const SoftmaxState<T>& state) {
  return state.l > T(0) || state.l != state.l ? state.m + log(state.l) : static_cast<T>(-INFINITY);
}

/// H = lse - t / l (attention.md 3.1); 0 for an empty row.
template <class T>
FOVEA_HOST_DEVICE inline T entropy_of(const SoftmaxState<T>& state) {
  return state.l > T(0) || state.l != state.l ? lse_of(state) - state.t / state.l : T(0);
}

}  // namespace fovea::attention::kernels
