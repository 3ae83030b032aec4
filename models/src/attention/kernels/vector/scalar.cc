// The pooling kernels in plain loops: double everywhere, float where a CPU has no vector set of ours; and the oracle of
// the vector kernels' tests.
#include <algorithm>
#include <cmath>

#include "attention/kernels/pool_math.h"
#include "attention/kernels/vector/table.h"

namespace fovea::attention::kernels {
namespace {

template <class T>
void gate_scores(const T* pre, std::int64_t n, const GateShape& shape, const T* bias, const T* w, const T* b, T* scores,
                 std::int64_t stride) {
  for (std::int64_t row = 0; row < n; ++row, pre += shape.columns()) {
    for (std::int64_t k = 0; k < shape.branches; ++k) scores[k * stride + row] = b[k];
    for (std::int64_t i = 0; i < shape.hidden; ++i) {
      const T v = pre[i] + bias[i];
      const T g = shape.gated ? gated(v, pre[shape.hidden + i] + bias[shape.hidden + i]) : std::tanh(v);
      for (std::int64_t k = 0; k < shape.branches; ++k) scores[k * stride + row] += g * w[k * shape.hidden + i];
    }
  }
}

template <class T>
void gate_backward(T* pre, std::int64_t n, const GateShape& shape, const T* bias, const T* w, const T* ds,
                   std::int64_t stride, T* dw, T* dbias) {
  const std::int64_t hidden = shape.hidden;
  for (std::int64_t row = 0; row < n; ++row, pre += shape.columns())
    for (std::int64_t i = 0; i < hidden; ++i) {
      T q = 0;
      for (std::int64_t k = 0; k < shape.branches; ++k) q += ds[k * stride + row] * w[k * hidden + i];
      const T v = std::tanh(pre[i] + bias[i]);
      const T u = shape.gated ? 1 / (1 + std::exp(-(pre[hidden + i] + bias[hidden + i]))) : T(1);
      for (std::int64_t k = 0; k < shape.branches; ++k) dw[k * hidden + i] += ds[k * stride + row] * v * u;
      dbias[i] += pre[i] = q * u * (1 - v * v);
      if (shape.gated) dbias[hidden + i] += pre[hidden + i] = q * v * u * (1 - u);
    }
}

template <class T>
void weighted_sums(const T* a, std::int64_t stride, const T* x, std::int64_t n, std::int64_t width,
                   std::int64_t branches, T* sums) {
  std::fill(sums, sums + branches * width, T(0));
  for (std::int64_t row = 0; row < n; ++row)
    for (std::int64_t k = 0; k < branches; ++k)
      for (std::int64_t d = 0; d < width; ++d) sums[k * width + d] += a[k * stride + row] * x[row * width + d];
}

template <class T>
void row_dots(const T* g, const T* x, std::int64_t n, std::int64_t width, std::int64_t branches, T* dots,
              std::int64_t stride) {
  for (std::int64_t row = 0; row < n; ++row)
    for (std::int64_t k = 0; k < branches; ++k) {
      T total = 0;
      for (std::int64_t d = 0; d < width; ++d) total += g[k * width + d] * x[row * width + d];
      dots[k * stride + row] = total;
    }
}

template <class T>
void exp_shifted(const T* s, std::int64_t n, T m, T* e) {
  for (std::int64_t i = 0; i < n; ++i) e[i] = std::exp(s[i] - m);
}

template <class T>
constexpr PoolKernels<T> kScalar{"scalar",         gate_scores<T>, gate_backward<T>,
                                 weighted_sums<T>, row_dots<T>,    exp_shifted<T>};

}  // namespace

extern const PoolKernels<float> kScalarPoolKernels;
const PoolKernels<float> kScalarPoolKernels = kScalar<float>;

template <>
const PoolKernels<double>& pool_kernels() {
  return kScalar<double>;
}

}  // namespace fovea::attention::kernels
