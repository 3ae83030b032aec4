// Windows of neighbourhood attention behind self_attention.h.
#pragma once

#include <vector>

#include <fovea/models/self_attention.h>

#include "attention/kernels/window.h"
#include "attention/ops/cuda_attend.h"

namespace fovea::attention::ops {

using kernels::Axis;
using kernels::Window;

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
/// On a GPU: one launch, three backwards. Tiles through tensor operations where the library is missing.
Attended cuda_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Neighbourhood& grid);
/// Needs the library (runs_on_cuda). `forward` is what cuda_neighbourhood gave.
AttendTensors cuda_neighbourhood_backward(const AttendTensors& in, const Neighbourhood& grid, const Attended& forward,
                                          const Attended& upstream);

}  // namespace fovea::attention::ops
