// Vectors of floats of one instruction set, by the compiler's vector extensions. Only a translation unit that is
// compiled for the set may include this, after defining FOVEA_ISA (a namespace of its own: an inline function of one
// set must never serve another) and FOVEA_VECTOR_BYTES. No standard headers with inline functions, for the same reason.
#pragma once

#include <cstdint>

#if !defined(FOVEA_ISA) || !defined(FOVEA_VECTOR_BYTES)
#error "define FOVEA_ISA and FOVEA_VECTOR_BYTES first"
#endif

namespace fovea::attention::kernels::FOVEA_ISA {

using Floats = float __attribute__((vector_size(FOVEA_VECTOR_BYTES)));
using Integers = std::int32_t __attribute__((vector_size(FOVEA_VECTOR_BYTES)));
constexpr int kLanes = FOVEA_VECTOR_BYTES / 4;

static inline Floats load(const float* from) {
  Floats v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
static inline void store(float* to, Floats v) {
  __builtin_memcpy(to, &v, sizeof v);
}
/// The first `count` < kLanes values, zeros after them.
static inline Floats load_part(const float* from, std::int64_t count) {
  Floats v{};
  __builtin_memcpy(&v, from, static_cast<unsigned long>(count) * sizeof(float));
  return v;
}
static inline void store_part(float* to, Floats v, std::int64_t count) {
  __builtin_memcpy(to, &v, static_cast<unsigned long>(count) * sizeof(float));
}
static inline Floats all(float value) {
  return Floats{} + value;
}

/// Lanes summed in a fixed tree.
static inline float sum(Floats v) {
  float lanes[kLanes];
  store(lanes, v);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

/// e^x. Relative error below 2e-7 for x in [-87, 88]; above 88.7 +inf, below -103 0 (subnormal results are 0 from -87.3
/// on); NaN stays NaN.
static inline Floats exp(Floats x) {
  const Floats clamped = x < -87.3F ? all(-87.3F) : x > 88.72F ? all(88.72F) : x;
  // x = n ln 2 + r, |r| <= ln(2) / 2: adding and taking away 1.5 * 2^23 rounds to the nearest integer.
  const Floats magic = all(12582912.0F), shifted = clamped * 1.44269504F + magic, n = shifted - magic;
  const Floats r = clamped - n * 0.693359375F + n * 2.12194440e-4F;
  Floats p = all(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  // 2^n in two factors, since n may be 128.
  const Integers whole = (Integers)shifted - (Integers)magic, half = whole >> 1, rest = whole - half;
  const Floats scaled = p * (Floats)((half + 127) << 23) * (Floats)((rest + 127) << 23);
  const Floats bounded = x > 88.72F ? all(__builtin_inff()) : x < -87.3F ? all(0.0F) : scaled;
  return x == x ? bounded : x;
}

/// 1 / (1 + e^-x). Absolute error below 1.5e-7.
static inline Floats sigmoid(Floats x) {
  return 1.0F / (1.0F + exp(-x));
}

/// 2 sigmoid(2 x) - 1. Absolute error below 3e-7: attention scores sum hundreds of them, so absolute error is what
/// counts.
static inline Floats tanh(Floats x) {
  return 1.0F - 2.0F / (1.0F + exp(x + x));
}

/// tanh(v) sigmoid(u) with one division.
static inline Floats gated(Floats v, Floats u) {
  // Beyond 15, tanh is 1 to the last bit; without the bound e^2v would overflow into inf / inf.
  const Floats bounded = v > 15.0F ? all(15.0F) : v < -15.0F ? all(-15.0F) : v;
  const Floats low = u < -87.0F ? all(-87.0F) : u;
  const Floats e = exp(bounded + bounded);
  return (e - 1.0F) / ((e + 1.0F) * (1.0F + exp(-low)));
}

}  // namespace fovea::attention::kernels::FOVEA_ISA
