// The tile kernels in plain loops: double everywhere, float where a CPU has no vector set of ours; and the oracle of
// the vector kernels' tests.
#include <cmath>
#include <limits>

#include "attention/kernels/vector/tile_table.h"

namespace fovea::attention::kernels {
namespace {

template <class T>
constexpr T kNothing = -std::numeric_limits<T>::infinity();

template <class T>
T maximum_of(T* scores, const std::int32_t* allowed, std::int64_t keys, T m) {
  for (std::int64_t i = 0; i < keys; ++i) {
    if (allowed && !allowed[i]) scores[i] = kNothing<T>;
    if (scores[i] > m || scores[i] != scores[i]) m = scores[i];  // nothing is larger than a NaN: it stays
  }
  return m;
}

template <class T>
void softmax_step(T* scores, const std::int32_t* allowed, std::int64_t rows, std::int64_t keys, T* m, T* l, T* scale) {
  for (std::int64_t row = 0; row < rows; ++row, scores += keys) {
    const T before = m[row];
    m[row] = maximum_of(scores, allowed ? allowed + row * keys : nullptr, keys, before);
    const T shift = m[row] == kNothing<T> ? T(0) : m[row];
    scale[row] = std::exp(before - shift);
    T sum = 0;
    for (std::int64_t i = 0; i < keys; ++i) sum += scores[i] = std::exp(scores[i] - shift);
    l[row] = l[row] * scale[row] + sum;
  }
}

template <class T>
T hidden_value(const T* image, std::int64_t channels, const T* w, std::int64_t hidden, T sum) {
  for (std::int64_t c = 0; c < channels; ++c) sum += w[c * hidden] * image[c * kGateVoxels];
  return sum;
}

template <class T>
T relu(T value) {
  return value < 0 ? T(0) : value;
}

template <class T>
void gate_alpha(const GateTile<T>& t, T* alpha) {
  for (std::int64_t i = 0; i < kGateVoxels; ++i) {
    T total = 0;
    for (std::int64_t f = 0; f < t.hidden; ++f) {
      const T from_g = hidden_value(t.g + i, t.g_channels, t.wg + f, t.hidden, t.bg[f]);
      if (t.concat) total += t.psi[f] * relu(from_g);
      const T from_x = hidden_value(t.x + i, t.x_channels, t.wx + f, t.hidden, t.concat ? t.bx[f] : from_g + t.bx[f]);
      total += t.psi[t.concat ? t.hidden + f : f] * relu(from_x);
    }
    alpha[i] = 1 / (1 + std::exp(-(total + t.bpsi)));
  }
}

template <class T>
void gate_product(const T* x, const T* alpha, std::int64_t channels, std::int64_t voxels, T* out, std::int64_t stride) {
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t i = 0; i < voxels; ++i) out[c * stride + i] = x[c * kGateVoxels + i] * alpha[i];
}

template <class T>
constexpr TileKernels<T> kScalarTiles{"scalar", softmax_step<T>, gate_alpha<T>, gate_product<T>};

}  // namespace

extern const TileKernels<float> kScalarTileKernels;
const TileKernels<float> kScalarTileKernels = kScalarTiles<float>;

template <>
const TileKernels<double>& tile_kernels() {
  return kScalarTiles<double>;
}

}  // namespace fovea::attention::kernels
