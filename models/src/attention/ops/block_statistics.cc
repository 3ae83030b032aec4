// Means and deviations of blocks, and choices of the largest entries.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros_like.h>

#include "attention/ops/sparse.h"

namespace fovea::attention {
namespace {

/// x [B, H, L, d] -> [B, H, n, b, d], zeros behind the last token.
at::Tensor in_blocks(const at::Tensor& x, std::int64_t block) {
  const std::int64_t count = (x.size(2) + block - 1) / block, missing = count * block - x.size(2);
  const at::Tensor padded = missing > 0 ? at::constant_pad_nd(x, {0, 0, 0, missing}) : x;
  return padded.unflatten(2, {count, block});
}

/// Tokens of every block, [n, 1].
at::Tensor lengths(const at::Tensor& x, std::int64_t block) {
  const std::int64_t count = (x.size(2) + block - 1) / block;
  const at::Tensor starts = at::arange(count, x.options().requires_grad(false)) * block;
  return (x.size(2) - starts).clamp_max(block).unsqueeze(1);
}

}  // namespace

at::Tensor block_means(const at::Tensor& x, std::int64_t block) {
  return in_blocks(x, block).sum(3) / lengths(x, block);
}

at::Tensor largest_until(const at::Tensor& weights, double mass, std::int64_t at_least) {
  const auto [sorted, order] = at::sort(weights.detach(), true, -1, true);
  const at::Tensor before = at::constant_pad_nd(sorted.cumsum(-1), {1, -1});
  const at::Tensor rank = at::arange(weights.size(-1), order.options());
  const at::Tensor taken = before.le(mass).logical_or(rank.lt(at_least));
  return at::zeros_like(taken).scatter(-1, order, taken);
}

namespace ops {

at::Tensor block_deviations(const at::Tensor& x, const at::Tensor& means, std::int64_t block) {
  const at::Tensor tokens = lengths(x, block);
  const at::Tensor place = at::arange(block, tokens.options()).unsqueeze(1);
  const at::Tensor padding = place.ge(tokens.unsqueeze(1));  // [n, b, 1]
  return (in_blocks(x, block) - means.unsqueeze(3)).abs().masked_fill(padding, 0.0).sum(3) / tokens;
}

at::Tensor largest_entries(const at::Tensor& scores, std::int64_t width) {
  const at::Tensor order = std::get<1>(at::sort(scores.detach(), true, -1, true));
  const at::Tensor none = at::zeros_like(scores, at::kBool);
  return none.scatter(-1, order.slice(-1, 0, width), true);
}

}  // namespace ops
}  // namespace fovea::attention
