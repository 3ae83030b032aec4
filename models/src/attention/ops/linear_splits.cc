// Linear attention and MALA in fixed splits of rows: phi of all rows never exists at once, and sums over keys keep
// their digits and their order.
#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/models/attention.h>

#include "attention/ops/large_pages.h"
#include "attention/ops/linear.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

std::int64_t splits_of(std::int64_t rows) {
  return (rows + kSplit - 1) / kSplit;
}

/// One batch entry, one head, rows of one split.
struct Piece {
  std::int64_t batch, head, begin, end, split;
  at::Tensor rows(const at::Tensor& x) const { return x[batch][head].slice(0, begin, end); }
  at::Tensor kept(const at::Tensor& keep) const {
    if (!keep.defined()) return keep;
    return keep[keep.size(0) > 1 ? batch : 0][keep.size(1) > 1 ? head : 0].slice(0, begin, end);
  }
  Rotation angles(const Rotation& r) const {
    return r.sin.defined() ? Rotation{r.sin.slice(0, begin, end), r.cos.slice(0, begin, end)} : r;
  }
};

/// Every split of x [B, h, N, .] on all threads, each split on one.
template <class Work>
void for_each_split(const at::Tensor& x, Work work) {
  const std::int64_t heads = x.size(1), rows = x.size(2), splits = splits_of(rows);
  at::parallel_for(0, x.size(0) * heads * splits, 1, [&](std::int64_t first, std::int64_t last) {
    const at::NoGradGuard no_grad;
    const OneThread one;
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t split = i % splits, begin = split * kSplit;
      work(Piece{i / splits / heads, i / splits % heads, begin, std::min(rows, begin + kSplit), split});
    }
  });
}

/// Sums over kept keys, [B, h, ..] in double.
struct KeySums {
  at::Tensor kv;  ///< [B, h, d, dv]  (R phi(K))^T V
  at::Tensor k;   ///< [B, h, d]  before the rotation
  at::Tensor v;   ///< [B, h, dv]
};

at::Tensor in_order(const at::Tensor& parts) {
  at::Tensor sum = at::zeros_like(parts.select(2, 0), at::kDouble);
  for (std::int64_t split = 0; split < parts.size(2); ++split) sum.add_(parts.select(2, split));
  return sum;
}

KeySums key_sums(const LinearInputs& in) {
  const std::int64_t batches = in.k.size(0), heads = in.k.size(1), d = in.k.size(3), dv = in.v.size(3);
  const std::int64_t splits = splits_of(in.k.size(2));
  const at::Tensor kv = at::empty({batches, heads, splits, d, dv}, in.k.options());
  const at::Tensor k_sum = at::empty({batches, heads, splits, d}, in.k.options());
  const at::Tensor v_sum = at::empty({batches, heads, splits, dv}, in.k.options());
  for_each_split(in.k, [&](const Piece& piece) {
    const at::Tensor keep = piece.kept(in.keep);
    const at::Tensor k = cleared(features(piece.rows(in.k)), keep);
    const at::Tensor v = cleared(piece.rows(in.v), keep).contiguous();
    at::Tensor product = kv[piece.batch][piece.head][piece.split];
    at::mm_out(product, rotated(k, piece.angles(in.rotation)).t(), v);
    // Sums as products too: sum() would share out its rows over threads whenever there is a single split.
    const at::Tensor ones = at::ones({k.size(0)}, k.options());
    k_sum[piece.batch][piece.head][piece.split].copy_(at::mv(k.t(), ones));
    v_sum[piece.batch][piece.head][piece.split].copy_(at::mv(v.t(), ones));
  });
  return {in_order(kv), in_order(k_sum), in_order(v_sum)};
}

}  // namespace

at::Tensor split_linear(const LinearInputs& in) {
  const at::NoGradGuard no_grad;
  const KeySums sums = key_sums(in);
  const at::Tensor kv = sums.kv.to(in.q.scalar_type()), k_sum = sums.k.to(in.q.scalar_type());
  at::Tensor out = on_large_pages(at::empty({in.q.size(0), in.q.size(1), in.q.size(2), in.v.size(3)}, in.q.options()));
  for_each_split(in.q, [&](const Piece& piece) {
    const at::Tensor q = features(piece.rows(in.q)), target = piece.rows(out);
    const at::Tensor denominator = at::mv(q, k_sum[piece.batch][piece.head]).add_(in.eps);
    target.copy_(at::mm(q, kv[piece.batch][piece.head]).div_(denominator.unsqueeze(1)));
  });
  return out;
}

Mala split_mala(const LinearInputs& in) {
  const at::NoGradGuard no_grad;
  const auto type = in.q.scalar_type();
  const KeySums sums = key_sums(in);
  const at::Tensor n = kept_count(in).to(at::kDouble), n_of_vectors = n.squeeze(-1);
  const double c = 1 / std::sqrt(static_cast<double>(in.q.size(3)));
  const at::Tensor kv = (sums.kv * (c / n)).to(type), k_mean = (sums.k * (c / n_of_vectors)).to(type);
  const at::Tensor v_mean = (sums.v / n_of_vectors).to(type);
  const std::int64_t batches = in.q.size(0), heads = in.q.size(1), rows = in.q.size(2);
  Mala result{on_large_pages(at::empty({batches, heads, rows, in.v.size(3)}, in.q.options())),
              at::empty({batches, heads, rows, 1}, in.q.options())};
  for_each_split(in.q, [&](const Piece& piece) {
    const at::Tensor q = features(piece.rows(in.q));
    const at::Tensor z = at::mv(q, k_mean[piece.batch][piece.head]).unsqueeze(1);
    at::Tensor mixed = at::mm(rotated(q, piece.angles(in.rotation)), kv[piece.batch][piece.head]);
    mixed.mul_((z + in.eps).reciprocal_().add_(1)).sub_(z * v_mean[piece.batch][piece.head]);
    piece.rows(result.out).copy_(mixed);
    piece.rows(result.z).copy_(z);
  });
  return result;
}

}  // namespace fovea::attention::ops
