// Reading a row of linear attention.
#pragma once

#include "attention/kernels/linear.h"
#include "attention/kernels/row_tiles.cuh"

namespace fovea::attention::kernels {

__device__ inline bool kept_row(const LinearRows& x, std::int64_t head, std::int64_t row) {
  return row < x.count && (!x.keep || x.keep[head * x.count + row]);
}

__device__ inline float read(const LinearRows& x, std::int64_t head, std::int64_t row, std::int64_t at) {
  if (at >= x.width || !kept_row(x, head, row)) return 0.0f;
  const float* values = x.rows + (head * x.count + row) * x.width;
  float value = x.features ? feature(values[at]) : values[at];
  if (x.sin) {
    const float other = x.features ? feature(values[at ^ 1]) : values[at ^ 1];
    const std::int64_t angle = row * x.width + at;
    value = value * x.cos[angle] + (at % 2 == 0 ? -other : other) * x.sin[angle];
  }
  return x.factor ? value * x.factor[head * x.count + row] : value;
}

}  // namespace fovea::attention::kernels
