// Decayed linear attention on a GPU (attention.md 3.10): pairs inside tiles, and states between them, on LibTorch's
// current stream.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_linear_parts.h"
#include "attention/ops/kernel_graph.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_decayed_tiles)> tiles_kernel{"fovea_cuda_decayed_tiles"};
const CudaKernel<decltype(fovea_cuda_decayed_scan)> scan_kernel{"fovea_cuda_decayed_scan"};

constexpr std::int64_t kTile = kernels::kMatrixTile;

/// Which tokens reach a query, besides its own.
struct Direction {
  bool earlier, later;
};

/// e^(-slope steps) of all rows: steps [N], slopes [h] -> [B h, N].
at::Tensor fading(const at::Tensor& slopes, const at::Tensor& steps, std::int64_t batches) {
  return (-slopes.unsqueeze(1) * steps).exp().repeat({batches, 1});
}

/// Adds what the tokens of earlier tiles (of later ones) give: their state at the tile's border, and the way from
/// there.
void add_states(const DeviceRows& q, const DeviceRows& k, const DeviceRows& v, const at::Tensor& slopes, bool later,
                const at::Tensor& out) {
  const std::int64_t batches = q.heads() / slopes.size(0);
  const at::Tensor place = at::arange(q.rows.size(1), q.rows.options()).remainder(kTile), rest = kTile - 1 - place;
  const at::Tensor states = outer_parts(k.times(fading(slopes, later ? place : rest, batches)), v, kTile);
  scan_kernel(mutable_floats(states), floats(slopes), q.heads(), slopes.size(0), states.size(1), k.width() * v.width(),
              later, current_stream(out));
  add_tile_products(q.times(fading(slopes, (later ? rest : place) + 1, batches)), states, out);
}

/// sum over j of e^(-slope |i - j|) (q_i . k_j) v_j, [heads, N, dv].
at::Tensor decayed(const DeviceRows& q, const DeviceRows& k, const DeviceRows& v, const at::Tensor& slopes,
                   Direction direction) {
  const std::int64_t count = q.rows.size(1);
  const at::Tensor out = at::empty({q.heads(), count, v.width()}, q.rows.options());
  const kernels::DecayedTiles tiles{floats(q.rows), floats(k.rows), floats(v.rows), q.heads(),      slopes.size(0),
                                    count,          q.width(),      v.width(),      floats(slopes), direction.earlier,
                                    direction.later};
  tiles_kernel(&tiles, mutable_floats(out), current_stream(out));
  if (direction.earlier) add_states(q, k, v, slopes, false, out);
  if (direction.later) add_states(q, k, v, slopes, true, out);
  return out;
}

at::Tensor device_slopes(const at::Tensor& slopes, const at::Tensor& like) {
  return slopes.to(like.options()).contiguous();
}

}  // namespace

at::Tensor cuda_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                        Decay decay, std::int64_t tile) {
  if (!runs_on_cuda({q, k, v}) || needs_graph({slopes})) return tiled_decayed(q, k, v, slopes, decay, tile);
  if (needs_graph({q, k, v}))
    return with_graph({q, k, v}, [&]() -> KernelRun {
      return {{cuda_decayed(q, k, v, slopes, decay, tile)}, [=](const std::vector<at::Tensor>& upstream) {
                const AttendTensors gradients = cuda_decayed_backward({q, k, v}, slopes, decay, upstream[0]);
                return std::vector<at::Tensor>{gradients.q, gradients.k, gradients.v};
              }};
    })[0];
  const c10::DeviceGuard guard(q.device());
  const Direction direction{true, decay == Decay::kBidirectional};
  const at::Tensor out = decayed(device_rows(q), device_rows(k), device_rows(v), device_slopes(slopes, q), direction);
  return out.view(v.sizes());
}

/// Every gradient has the form of the operator itself, with queries and keys in other roles: what a query sees forward,
/// a key sees backward.
AttendTensors cuda_decayed_backward(const AttendTensors& in, const at::Tensor& slopes, Decay decay,
                                    const at::Tensor& grad_out) {
  const c10::DeviceGuard guard(in.q.device());
  const DeviceRows q = device_rows(in.q), k = device_rows(in.k), v = device_rows(in.v), up = device_rows(grad_out);
  const at::Tensor rates = device_slopes(slopes, in.q);
  const bool both = decay == Decay::kBidirectional;
  return {decayed(up, v, k, rates, {true, both}).view(in.q.sizes()),
          decayed(v, up, q, rates, {both, true}).view(in.k.sizes()),
          decayed(k, q, up, rates, {both, true}).view(in.v.sizes())};
}

}  // namespace fovea::attention::ops
