// Windows of neighbourhood attention behind self_attention.h.
#pragma once

#include <vector>

#include <fovea/models/self_attention.h>

namespace fovea::attention::ops {

struct Axis {
  std::int64_t length = 0, window = 0, stride = 1, dilation = 1;
  bool causal = false;
};
/// Tokens of an axis with one remainder by the dilation form a group; windows live inside a group, in its own
/// coordinates.
std::int64_t group_length(const Axis& axis, std::int64_t group);
struct Window {
  std::int64_t begin = 0, end = 0;
};
/// The window of position `i` of a group: attention.md 3.6.
Window window_of(const Axis& axis, std::int64_t group, std::int64_t i);

/// One head's grid; `valid` [N] bool or undefined. q, k [B, h, N, d], v [B, h, N, dv], scale as a factor.
struct Neighbourhood {
  std::vector<Axis> axes;
  at::Tensor valid;
  double scale = 1;
};
/// The definition with a dense [N, N] mask.
Attended reference_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const Neighbourhood& grid);
/// Tiles of queries against the box of keys that they see together, as tensor operations: differentiable, any device.
Attended tiled_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Neighbourhood& grid);
/// The same tiles in packed workspaces on all threads. CPU, no graph, float32 or float64; any strides.
Attended packed_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Neighbourhood& grid);

}  // namespace fovea::attention::ops
