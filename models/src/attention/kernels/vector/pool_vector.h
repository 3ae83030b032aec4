// The pooling kernels on vectors of floats, for the instruction set of the including translation unit (simd.h). Every
// sum has one order whatever the addresses: bits depend on the values and the set alone.
#pragma once

#include "attention/kernels/vector/simd.h"
#include "attention/kernels/vector/table.h"

namespace fovea::attention::kernels::FOVEA_ISA {

constexpr int kGroup = 8;  // branches that share one pass: their accumulators fit the registers

/// Calls `work(offset, load, store)` for whole vectors and then for the rest of a row.
template <class Work>
static inline void for_vectors(std::int64_t width, Work work) {
  std::int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes)
    work(
        i, [](const float* p) { return load(p); }, [](float* p, Floats v) { store(p, v); });
  if (i < width) {
    const std::int64_t rest = width - i;
    work(
        i, [rest](const float* p) { return load_part(p, rest); },
        [rest](float* p, Floats v) { store_part(p, v, rest); });
  }
}

/// Calls `group(first, integral constant of size)` for branches in groups.
template <int Size>
struct Count {
  static constexpr int value = Size;
};
template <class Group>
static inline void for_groups(std::int64_t branches, Group group) {
  std::int64_t k = 0;
  for (; k + kGroup <= branches; k += kGroup) group(k, Count<kGroup>{});
  switch (branches - k) {
    case 1: return group(k, Count<1>{});
    case 2: return group(k, Count<2>{});
    case 3: return group(k, Count<3>{});
    case 4: return group(k, Count<4>{});
    case 5: return group(k, Count<5>{});
    case 6: return group(k, Count<6>{});
    case 7: return group(k, Count<7>{});
    default: return;
  }
}

template <bool Gated, int K>
static void score_rows(const float* pre, std::int64_t n, std::int64_t hidden, const float* bias, const float* w,
                       const float* b, float* scores, std::int64_t stride) {
  for (std::int64_t row = 0; row < n; ++row, pre += Gated ? 2 * hidden : hidden) {
    Floats total[K] = {};
    for_vectors(hidden, [&](std::int64_t i, auto get, auto) {
      const Floats v = get(pre + i) + get(bias + i);
      const Floats g = Gated ? gated(v, get(pre + hidden + i) + get(bias + hidden + i)) : tanh(v);
      for (int k = 0; k < K; ++k) total[k] += g * get(w + k * hidden + i);
    });
    for (int k = 0; k < K; ++k) scores[k * stride + row] = sum(total[k]) + b[k];
  }
}

static void gate_scores(const float* pre, std::int64_t n, const GateShape& shape, const float* bias, const float* w,
                        const float* b, float* scores, std::int64_t stride) {
  for_groups(shape.branches, [&](std::int64_t first, auto count) {
    constexpr int K = decltype(count)::value;
    const auto run = shape.gated ? score_rows<true, K> : score_rows<false, K>;
    run(pre, n, shape.hidden, bias, w + first * shape.hidden, b + first, scores + first * stride, stride);
  });
}

template <bool Gated>
static void backward_row(float* pre, const GateShape& shape, const float* bias, const float* w, const float* ds,
                         std::int64_t stride, float* dw, float* dbias) {
  const std::int64_t hidden = shape.hidden;
  for_vectors(hidden, [&](std::int64_t i, auto get, auto put) {
    Floats q{};
    for (std::int64_t k = 0; k < shape.branches; ++k) q += ds[k * stride] * get(w + k * hidden + i);
    const Floats v = tanh(get(pre + i) + get(bias + i));
    const Floats u = Gated ? sigmoid(get(pre + hidden + i) + get(bias + hidden + i)) : all(1.0F);
    const Floats g = v * u, dp = q * u * (1.0F - v * v);
    put(pre + i, dp), put(dbias + i, get(dbias + i) + dp);
    if constexpr (Gated) {
      const Floats dr = q * g * (1.0F - u);
      put(pre + hidden + i, dr), put(dbias + hidden + i, get(dbias + hidden + i) + dr);
    }
    for (std::int64_t k = 0; k < shape.branches; ++k)
      put(dw + k * hidden + i, get(dw + k * hidden + i) + ds[k * stride] * g);
  });
}

static void gate_backward(float* pre, std::int64_t n, const GateShape& shape, const float* bias, const float* w,
                          const float* ds, std::int64_t stride, float* dw, float* dbias) {
  const auto run = shape.gated ? backward_row<true> : backward_row<false>;
  for (std::int64_t row = 0; row < n; ++row)
    run(pre + row * shape.columns(), shape, bias, w, ds + row, stride, dw, dbias);
}

/// K x Vectors accumulators over the rows, for one strip of columns.
template <int K, int Vectors>
static void sum_strip(const float* a, std::int64_t stride, const float* x, std::int64_t n, std::int64_t width,
                      float* sums) {
  Floats total[K][Vectors] = {};
  for (std::int64_t row = 0; row < n; ++row, x += width) {
    Floats values[Vectors];
    for (int j = 0; j < Vectors; ++j) values[j] = load(x + j * kLanes);
    for (int k = 0; k < K; ++k)
      for (int j = 0; j < Vectors; ++j) total[k][j] += a[k * stride + row] * values[j];
  }
  for (int k = 0; k < K; ++k)
    for (int j = 0; j < Vectors; ++j) store(sums + k * width + j * kLanes, total[k][j]);
}

template <int K>
static void sum_rest(const float* a, std::int64_t stride, const float* x, std::int64_t n, std::int64_t width,
                     std::int64_t rest, float* sums) {
  Floats total[K] = {};
  for (std::int64_t row = 0; row < n; ++row, x += width)
    for (int k = 0; k < K; ++k) total[k] += a[k * stride + row] * load_part(x, rest);
  for (int k = 0; k < K; ++k) store_part(sums + k * width, total[k], rest);
}

static void weighted_sums(const float* a, std::int64_t stride, const float* x, std::int64_t n, std::int64_t width,
                          std::int64_t branches, float* sums) {
  for_groups(branches, [&](std::int64_t first, auto count) {
    constexpr int K = decltype(count)::value, kWide = kLanes == 16 ? (K <= 5 ? 4 : 3) : (K <= 5 ? 2 : 1);
    const float* weights = a + first * stride;
    float* into = sums + first * width;
    std::int64_t d = 0;
    for (; d + kWide * kLanes <= width; d += kWide * kLanes)
      sum_strip<K, kWide>(weights, stride, x + d, n, width, into + d);
    for (; d + kLanes <= width; d += kLanes) sum_strip<K, 1>(weights, stride, x + d, n, width, into + d);
    if (d < width) sum_rest<K>(weights, stride, x + d, n, width, width - d, into + d);
  });
}

static void row_dots(const float* g, const float* x, std::int64_t n, std::int64_t width, std::int64_t branches,
                     float* dots, std::int64_t stride) {
  for_groups(branches, [&](std::int64_t first, auto count) {
    constexpr int K = decltype(count)::value;
    const float* vectors = g + first * width;
    for (std::int64_t row = 0; row < n; ++row) {
      Floats total[K] = {};
      for_vectors(width, [&](std::int64_t i, auto get, auto) {
        const Floats value = get(x + row * width + i);
        for (int k = 0; k < K; ++k) total[k] += value * get(vectors + k * width + i);
      });
      for (int k = 0; k < K; ++k) dots[(first + k) * stride + row] = sum(total[k]);
    }
  });
}

static void exp_shifted(const float* s, std::int64_t n, float m, float* e) {
  for_vectors(n, [&](std::int64_t i, auto get, auto put) { put(e + i, exp(get(s + i) - m)); });
}

constexpr PoolKernels<float> table(const char* name) {
  return {name, gate_scores, gate_backward, weighted_sums, row_dots, exp_shifted};
}

}  // namespace fovea::attention::kernels::FOVEA_ISA
