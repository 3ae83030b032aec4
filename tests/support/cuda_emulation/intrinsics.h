// Scalar and vector built-ins of CUDA C++ on the host. Vector types carry CUDA's alignment, so that UBSan sees a
// misaligned access.
#pragma once

#include <math.h>

#include <type_traits>

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}

/// Of two arithmetic types, as nvcc's overloads: the wider one.
template <class A, class B, class = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(b) < static_cast<C>(a) ? static_cast<C>(b) : static_cast<C>(a);
}
template <class A, class B, class = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(a) < static_cast<C>(b) ? static_cast<C>(b) : static_cast<C>(a);
}

template <class T>
T __ldg(const T* address) {
  return *address;
}
inline float rsqrtf(float x) {
  return 1.0f / sqrtf(x);
}
inline float __expf(float x) {
  return expf(x);
}
inline float __logf(float x) {
  return logf(x);
}
inline float __fdividef(float a, float b) {
  return a / b;
}
inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __clz(int x) {
  return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x));
}
inline float __uint_as_float(unsigned x) {
  float value;
  __builtin_memcpy(&value, &x, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float x) {
  unsigned value;
  __builtin_memcpy(&value, &x, sizeof value);
  return value;
}

/// Fibers switch at barriers alone, so plain updates are atomic.
template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
T atomicAdd(T* address, T value) {
  const T before = *address;
  *address = static_cast<T>(before + value);
  return before;
}
template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
T atomicOr(T* address, T value) {
  const T before = *address;
  *address = static_cast<T>(before | value);
  return before;
}
