// Stand-in for <mma.h>: warp matrix products. The elements lie over the lanes in an order of our own, as the real one
// is unspecified; products read the other lanes' fragments through their addresses.
#pragma once

#include "cuda_bf16.h"

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major, mem_col_major };
namespace precision {
struct tf32;
}

namespace detail {
template <class Use, int M, int N, int K>
struct Shape {
  static constexpr int rows = M, columns = N;
};
template <int M, int N, int K>
struct Shape<matrix_a, M, N, K> {
  static constexpr int rows = M, columns = K;
};
template <int M, int N, int K>
struct Shape<matrix_b, M, N, K> {
  static constexpr int rows = K, columns = N;
};
template <class T>
struct Stored {
  using type = T;
};
template <>
struct Stored<precision::tf32> {
  using type = float;
};
inline float as_float(float x) {
  return x;
}
inline float as_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}
}  // namespace detail

/// float32 with 10 bits of mantissa, ties away from zero.
inline float __float_to_tf32(float value) {
  return value != value ? value : __uint_as_float((__float_as_uint(value) + 0x1000u) & 0xffffe000u);
}

template <class Use, int M, int N, int K, class T, class Layout = void>
struct fragment : detail::Shape<Use, M, N, K> {
  using element_type = typename detail::Stored<T>::type;
  using Size = detail::Shape<Use, M, N, K>;
  static constexpr int num_elements = Size::rows * Size::columns / 32;
  element_type x[num_elements];
};

template <class F, class V>
void fill_fragment(F& fragment, V value) {
  for (auto& element : fragment.x) element = value;
}

template <class Use, int M, int N, int K, class T, class Layout>
void load_matrix_sync(fragment<Use, M, N, K, T, Layout>& f,
                      const typename fragment<Use, M, N, K, T, Layout>::element_type* p, unsigned stride) {
  using F = fragment<Use, M, N, K, T, Layout>;
  __syncwarp();
  for (int e = 0; e < F::num_elements; ++e) {
    const int i = static_cast<int>(cuda_emulation::lane()) * F::num_elements + e;
    const unsigned row = static_cast<unsigned>(i / F::columns), column = static_cast<unsigned>(i % F::columns);
    f.x[e] = std::is_same_v<Layout, row_major> ? p[row * stride + column] : p[column * stride + row];
  }
  __syncwarp();
}

template <int M, int N, int K, class T>
void store_matrix_sync(T* p, const fragment<accumulator, M, N, K, T>& f, unsigned stride, layout_t layout) {
  using F = fragment<accumulator, M, N, K, T>;
  for (int e = 0; e < F::num_elements; ++e) {
    const int i = static_cast<int>(cuda_emulation::lane()) * F::num_elements + e;
    const unsigned row = static_cast<unsigned>(i / N), column = static_cast<unsigned>(i % N);
    (layout == mem_row_major ? p[row * stride + column] : p[column * stride + row]) = f.x[e];
  }
  __syncwarp();
}

template <int M, int N, int K, class T, class LayoutA, class LayoutB>
void mma_sync(fragment<accumulator, M, N, K, float>& d, const fragment<matrix_a, M, N, K, T, LayoutA>& a,
              const fragment<matrix_b, M, N, K, T, LayoutB>& b, const fragment<accumulator, M, N, K, float>& c) {
  using A = fragment<matrix_a, M, N, K, T, LayoutA>;
  using B = fragment<matrix_b, M, N, K, T, LayoutB>;
  using D = fragment<accumulator, M, N, K, float>;
  struct Operands {
    const A* a;
    const B* b;
  };
  constexpr unsigned kAll = 0xffffffffu;
  cuda_emulation::put(Operands{&a, &b}, kAll);
  cuda_emulation::warp_barrier(kAll, "mma_sync");
  D result = c;
  for (int e = 0; e < D::num_elements; ++e) {
    const int i = static_cast<int>(cuda_emulation::lane()) * D::num_elements + e, row = i / N, column = i % N;
    for (int k = 0; k < K; ++k) {
      const int in_a = row * K + k, in_b = k * N + column;
      const A& from_a = *cuda_emulation::get<Operands>(static_cast<unsigned>(in_a / A::num_elements), kAll).a;
      const B& from_b = *cuda_emulation::get<Operands>(static_cast<unsigned>(in_b / B::num_elements), kAll).b;
      result.x[e] +=
          detail::as_float(from_a.x[in_a % A::num_elements]) * detail::as_float(from_b.x[in_b % B::num_elements]);
    }
  }
  cuda_emulation::warp_barrier(kAll, "mma_sync");
  d = result;
}

}  // namespace nvcuda::wmma
