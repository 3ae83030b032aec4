// The window rule of neighbourhood attention (attention.md 3.6), shared by every path. C++17, no tensor library.
#pragma once

#include <cstdint>

#include "attention/kernels/pool_math.h"

namespace fovea::attention::kernels {

struct Axis {
  std::int64_t length = 0, window = 0, stride = 1, dilation = 1;
  bool causal = false;
};

/// Positions [begin, end) of a group, in its own coordinates.
struct Window {
  std::int64_t begin = 0, end = 0;
};

FOVEA_HOST_DEVICE inline std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}
FOVEA_HOST_DEVICE inline std::int64_t larger(std::int64_t a, std::int64_t b) {
  return a > b ? a : b;
}

/// Tokens of an axis with one remainder by the dilation form a group; windows live inside a group.
FOVEA_HOST_DEVICE inline std::int64_t group_length(const Axis& axis, std::int64_t group) {
  return (axis.length - group + axis.dilation - 1) / axis.dilation;
}

/// The window of position `i` of a group. Begin and end never fall as `i` grows.
FOVEA_HOST_DEVICE inline Window window_of(const Axis& axis, std::int64_t group, std::int64_t i) {
  const std::int64_t n = group_length(axis, group), w = axis.window, t = axis.stride;
  if (axis.causal) {
    const std::int64_t leader = smaller(i / t * t + t - 1, n - 1);
    return {larger(leader - w + 1, 0), i + 1};
  }
  const std::int64_t left = w / 2, right = w / 2 - 1 + w % 2;
  const std::int64_t leader = smaller(i / t * t + t / 2, n - 1);
  const std::int64_t inward = leader + right >= n ? n - right - leader - 1 : 0;
  const std::int64_t begin = larger(leader - left, 0) + inward;
  return {begin, begin + w};
}

/// Queries [begin, end) of a group that may see one of its keys [first, last): bisection, since windows move one way.
FOVEA_HOST_DEVICE inline Window queries_of(const Axis& axis, std::int64_t group, std::int64_t first,
                                           std::int64_t last) {
  const std::int64_t n = group_length(axis, group);
  std::int64_t begin = 0, end = n;
  for (std::int64_t high = n; begin < high;) {
    const std::int64_t middle = (begin + high) / 2;
    if (window_of(axis, group, middle).end > first)
      high = middle;
    else
      begin = middle + 1;
  }
  for (std::int64_t low = begin; low < end;) {
    const std::int64_t middle = (low + end) / 2;
    if (window_of(axis, group, middle).begin < last)
      low = middle + 1;
    else
      end = middle;
  }
  return {begin, end};
}

}  // namespace fovea::attention::kernels
