// The tile kernels on vectors of floats, for the instruction set of the including translation unit (simd.h). Every sum
// has one order whatever the addresses: bits depend on the values and the set alone.
#pragma once

#include "attention/kernels/vector/pool_vector.h"
#include "attention/kernels/vector/tile_table.h"

namespace fovea::attention::kernels::FOVEA_ISA {

constexpr float kNothing = -__builtin_inff();
/// Lanes beyond `count` count as dropped keys.
static inline Floats scores_part(const float* scores, std::int64_t count) {
  Integers lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  return lane < static_cast<std::int32_t>(count) ? load_part(scores, count) : all(kNothing);
}
/// Scores of dropped keys become -inf, whatever they were.
static inline Floats allowed_only(Floats scores, const std::int32_t* allowed, std::int64_t count) {
  Integers seen{};
  if (count >= kLanes)
    __builtin_memcpy(&seen, allowed, sizeof seen);
  else
    __builtin_memcpy(&seen, allowed, static_cast<unsigned long>(count) * sizeof(std::int32_t));
  return seen != 0 ? scores : all(kNothing);
}

static inline float maximum(Floats v, float m) {
  float lanes[kLanes];
  store(lanes, v);
  for (float lane : lanes)
    if (lane > m || lane != lane) m = lane;
  return m;
}

/// Larger lanes of two; a NaN on either side stays.
static inline Floats larger(Floats m, Floats s) {
  return (s > m) | (s != s) ? s : m;
}

/// Calls `work(offset, load of the scores, store)` for the vectors of a row; what is beyond its end reads as -inf.
template <class Work>
static inline void for_scores(float* scores, std::int64_t keys, Work work) {
  std::int64_t i = 0;
  for (; i + kLanes <= keys; i += kLanes) work(i, load(scores + i), [&](Floats v) { store(scores + i, v); });
  if (i < keys) work(i, scores_part(scores + i, keys - i), [&](Floats v) { store_part(scores + i, v, keys - i); });
}

static float mask_and_maximum(float* scores, const std::int32_t* allowed, std::int64_t keys, float m) {
  Floats largest = all(kNothing);
  for_scores(scores, keys, [&](std::int64_t i, Floats s, auto put) {
    if (allowed) {
      s = allowed_only(s, allowed + i, keys - i);
      put(s);
    }
    largest = larger(largest, s);
  });
  return maximum(largest, m);
}

static float exp_and_sum(float* scores, std::int64_t keys, float shift) {
  Floats total{};
  for_scores(scores, keys, [&](std::int64_t, Floats s, auto put) {
    const Floats e = exp(s - shift);
    put(e);
    total += e;
  });
  return sum(total);
}

static void softmax_step(float* scores, const std::int32_t* allowed, std::int64_t rows, std::int64_t keys, float* m,
                         float* l, float* scale) {
  for (std::int64_t row = 0; row < rows; ++row, scores += keys) {
    const float before = m[row], now = mask_and_maximum(scores, allowed ? allowed + row * keys : nullptr, keys, before);
    const float shift = now == kNothing ? 0.0F : now;
    float factor[kLanes];
    store(factor, exp(all(before - shift)));
    m[row] = now, scale[row] = before == now && now != kNothing ? 1.0F : factor[0];
    l[row] = l[row] * scale[row] + exp_and_sum(scores, keys, shift);
  }
}

constexpr int kWide = kLanes == 16 ? 2 : 1;  // vectors of voxels that share a weight; with 8 hidden values they fit

template <int K>
static inline void multiply(const float* image, std::int64_t channels, const float* w, std::int64_t hidden,
                            Floats (&sums)[K][kWide]) {
  for (std::int64_t c = 0; c < channels; ++c, image += kGateVoxels, w += hidden) {
    Floats values[kWide];
    for (int j = 0; j < kWide; ++j) values[j] = load(image + j * kLanes);
    for (int k = 0; k < K; ++k)
      for (int j = 0; j < kWide; ++j) sums[k][j] += w[k] * values[j];
  }
}

template <int K>
static inline void start(const float* bias, const float* more, Floats (&sums)[K][kWide]) {
  for (int k = 0; k < K; ++k)
    for (int j = 0; j < kWide; ++j) sums[k][j] = all(more ? bias[k] + more[k] : bias[k]);
}

template <int K>
static inline void add_relu(const Floats (&sums)[K][kWide], const float* psi, Floats (&total)[kWide]) {
  for (int k = 0; k < K; ++k)
    for (int j = 0; j < kWide; ++j) total[j] += psi[k] * (sums[k][j] < 0.0F ? all(0.0F) : sums[k][j]);
}

/// K hidden values from `f` on, of kWide vectors of voxels from `i` on.
template <int K>
static inline void add_hidden(const GateTile<float>& t, std::int64_t i, std::int64_t f, Floats (&total)[kWide]) {
  Floats sums[K][kWide];
  start<K>(t.bg + f, t.concat ? nullptr : t.bx + f, sums);
  multiply<K>(t.g + i, t.g_channels, t.wg + f, t.hidden, sums);
  if (t.concat) {
    add_relu<K>(sums, t.psi + f, total);
    start<K>(t.bx + f, nullptr, sums);
  }
  multiply<K>(t.x + i, t.x_channels, t.wx + f, t.hidden, sums);
  add_relu<K>(sums, t.psi + (t.concat ? t.hidden + f : f), total);
}

static void gate_alpha(const GateTile<float>& t, float* alpha) {
  for (std::int64_t i = 0; i < kGateVoxels; i += kWide * kLanes) {
    Floats total[kWide] = {};
    for_groups(t.hidden, [&](std::int64_t f, auto count) { add_hidden<decltype(count)::value>(t, i, f, total); });
    for (int j = 0; j < kWide; ++j) store(alpha + i + j * kLanes, sigmoid(total[j] + t.bpsi));
  }
}

static void gate_product(const float* x, const float* alpha, std::int64_t channels, std::int64_t voxels, float* out,
                         std::int64_t stride) {
  for (std::int64_t c = 0; c < channels; ++c, x += kGateVoxels, out += stride)
    for_vectors(voxels, [&](std::int64_t i, auto get, auto put) { put(out + i, get(x + i) * get(alpha + i)); });
}

constexpr TileKernels<float> tile_table(const char* name) {
  return {name, softmax_step, gate_alpha, gate_product};
}

}  // namespace fovea::attention::kernels::FOVEA_ISA
