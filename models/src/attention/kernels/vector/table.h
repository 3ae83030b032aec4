// The pooling kernels of one instruction set behind one table, chosen once when the program starts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace fovea::attention::kernels {

/// Sizes of the gate: hidden width H, branches K; ungated means tanh alone.
struct GateShape {
  std::int64_t hidden, branches;
  bool gated;
  std::int64_t columns() const { return gated ? 2 * hidden : hidden; }  ///< of the pre-activations
};

/// All matrices are row-major and dense unless a stride (in values, from row to row) is named. `scores`, `ds`, `a` and
/// `dots` are [K, n] with a stride. float and double.
template <class T>
struct PoolKernels {
  const char* name;
  /// pre [n, columns] = x [Wv; Wu]^T without `bias` [columns]; w [K, H], b [K] -> scores.
  void (*gate_scores)(const T* pre, std::int64_t n, const GateShape& shape, const T* bias, const T* w, const T* b,
                      T* scores, std::int64_t stride);
  /// In place: pre becomes its own gradient for the gradient `ds` of the scores. Adds to dw [K, H] and dbias [columns].
  void (*gate_backward)(T* pre, std::int64_t n, const GateShape& shape, const T* bias, const T* w, const T* ds,
                        std::int64_t stride, T* dw, T* dbias);
  /// sums [K, width] = a x, x [n, width].
  void (*weighted_sums)(const T* a, std::int64_t stride, const T* x, std::int64_t n, std::int64_t width,
                        std::int64_t branches, T* sums);
  /// dots = g x^T, g [K, width].
  void (*row_dots)(const T* g, const T* x, std::int64_t n, std::int64_t width, std::int64_t branches, T* dots,
                   std::int64_t stride);
  /// e^(s - m) of n values; `e` may be `s`.
  void (*exp_shifted)(const T* s, std::int64_t n, T m, T* e);
};

/// n bf16 or float16 values as bits -> float32, exactly. Not by the tensor library: its conversion starts a team of
/// threads inside each of ours.
void widen_bf16(const std::uint16_t* from, std::int64_t n, float* to);
void widen_half(const std::uint16_t* from, std::int64_t n, float* to);

/// The best table of this CPU; FOVEA_CPU_KERNELS=scalar|avx2|avx512 chooses another, to bisect.
template <class T>
const PoolKernels<T>& pool_kernels();

/// Every table that this CPU can run, for tests.
std::vector<const PoolKernels<float>*> runnable_pool_kernels();

/// The CPU multiplies bf16 matrices in hardware tiles (AMX): only there is bf16 arithmetic faster than float32's.
bool has_bf16_tiles();

}  // namespace fovea::attention::kernels
