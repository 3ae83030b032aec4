// Neighbourhood attention on a GPU, on LibTorch's current stream.
#include <limits>

#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/neighbourhood.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/neighbourhood.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_neighbourhood)> forward_kernel{"fovea_cuda_neighbourhood"};
const CudaKernel<decltype(fovea_cuda_neighbourhood_backward)> backward_kernel{"fovea_cuda_neighbourhood_backward"};

/// The grid with leading axes of one token, and the mask that its pointer needs.
struct DeviceGrid {
  DeviceGrid(const Neighbourhood& from, const at::Tensor& q)
      : valid(from.valid.defined() ? from.valid.to(q.device()).contiguous() : from.valid) {
    const std::size_t missing = 3 - from.axes.size();
    for (std::size_t a = 0; a < 3; ++a) grid.axes[a] = a < missing ? Axis{1, 1} : from.axes[a - missing];
    grid.valid = valid.defined() ? valid.const_data_ptr<bool>() : nullptr;
    grid.heads = q.size(0) * q.size(1);
  }
  at::Tensor valid;
  kernels::WindowGrid grid{};
};

bool axes_fit(const Neighbourhood& grid) {
  for (const Axis& axis : grid.axes)
    if (axis.length > std::numeric_limits<int>::max()) return false;
  return true;
}

}  // namespace

Attended cuda_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Neighbourhood& grid) {
  if (!runs_on_cuda({q, k, v}) || !axes_fit(grid)) return tiled_neighbourhood(q, k, v, grid);
  if (needs_graph({q, k, v}))
    return attended_with_graph(
        {q, k, v}, [&] { return cuda_neighbourhood(q, k, v, grid); },
        [=](const Attended& forward, const Attended& upstream) {
          return cuda_neighbourhood_backward({q, k, v}, grid, forward, upstream);
        });
  const c10::DeviceGuard guard(q.device());
  const AttendTensors in = contiguous({q, k, v});
  const DeviceGrid on_device(grid, q);
  const kernels::Attend attend = attend_of(in, grid.scale);
  Attended result{at::empty(in.v.sizes(), v.options()), at::empty(in.q.sizes().slice(0, 3), q.options())};
  forward_kernel(&on_device.grid, &attend, mutable_floats(result.out), mutable_floats(result.lse), current_stream(q));
  return result;
}

AttendTensors cuda_neighbourhood_backward(const AttendTensors& inputs, const Neighbourhood& grid,
                                          const Attended& forward, const Attended& upstream) {
  const c10::DeviceGuard guard(inputs.q.device());
  const AttendTensors in = contiguous(inputs);
  const DeviceGrid on_device(grid, in.q);
  const kernels::Attend attend = attend_of(in, grid.scale);
  const AttendBackwardTensors tensors(in, forward, upstream);
  const kernels::AttendGradients pointers = tensors.pointers();
  backward_kernel(&on_device.grid, &attend, &pointers, current_stream(in.q));
  return tensors.gradients();
}

}  // namespace fovea::attention::ops
