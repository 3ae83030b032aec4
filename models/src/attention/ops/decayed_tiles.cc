// Linear attention with decay in tiles: products inside a tile, a [d, dv] state of everything before (and after) it.
#include <algorithm>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>

#include "attention/ops/linear.h"

namespace fovea::attention::ops {
namespace {

struct Tiles {
  std::int64_t rows, size;
  std::int64_t count() const { return (rows + size - 1) / size; }
  at::Tensor of(const at::Tensor& x, std::int64_t i) const {
    return x.slice(2, i * size, std::min(rows, (i + 1) * size));
  }
};

/// Exponents only ever fall: every factor is e^(-slope steps) with steps >= 0.
at::Tensor faded(const at::Tensor& x, const at::Tensor& slopes, const at::Tensor& steps) {
  return x * (-slopes.view({-1, 1}) * steps).exp().unsqueeze(-1);
}

at::Tensor sums_of(const at::Tensor& k, const at::Tensor& v) {
  return at::matmul(k.transpose(-2, -1), v);
}

at::Tensor moved_on(const at::Tensor& state, const at::Tensor& slopes, std::int64_t steps, const at::Tensor& added) {
  return state.defined() ? state * (-slopes.view({-1, 1, 1}) * steps).exp() + added : added;
}

}  // namespace

at::Tensor tiled_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                         Decay decay, std::int64_t tile) {
  const Tiles tiles{q.size(2), std::min(tile, q.size(2))};
  const at::Tensor weights = decay_weights(slopes, tiles.size, decay);
  const at::Tensor steps = at::arange(tiles.size, q.options().requires_grad(false));
  std::vector<at::Tensor> outs(static_cast<std::size_t>(tiles.count()));
  at::Tensor before;  // sum over earlier j of e^(-slope (last earlier - j)) k_j^T v_j
  for (std::int64_t i = 0; i < tiles.count(); ++i) {
    const at::Tensor qi = tiles.of(q, i), ki = tiles.of(k, i), vi = tiles.of(v, i);
    const std::int64_t n = qi.size(2);
    const at::Tensor inside = weights.slice(1, 0, n).slice(2, 0, n), up = steps.slice(0, 0, n);
    at::Tensor out = at::matmul(at::matmul(qi, ki.transpose(-2, -1)) * inside, vi);
    if (before.defined()) out = out + at::matmul(faded(qi, slopes, up + 1), before);
    before = moved_on(before, slopes, n, sums_of(faded(ki, slopes, n - 1 - up), vi));
    outs[static_cast<std::size_t>(i)] = out;
  }
  if (decay == Decay::kCausal) return at::cat(outs, 2);
  at::Tensor after;  // sum over later j of e^(-slope (j - first later)) k_j^T v_j
  for (std::int64_t i = tiles.count() - 1; i >= 0; --i) {
    const at::Tensor qi = tiles.of(q, i);
    const std::int64_t n = qi.size(2);
    const at::Tensor up = steps.slice(0, 0, n);
    at::Tensor& out = outs[static_cast<std::size_t>(i)];
    if (after.defined()) out = out + at::matmul(faded(qi, slopes, n - up), after);
    after = moved_on(after, slopes, n, sums_of(faded(tiles.of(k, i), slopes, up), tiles.of(v, i)));
  }
  return at::cat(outs, 2);
}

}  // namespace fovea::attention::ops
