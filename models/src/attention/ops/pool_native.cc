// Pooling on the CPU: splits of kSplit rows on all threads, each in tiles whose activations stay in the cache, merged
// in index order.
#include <algorithm>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

constexpr std::int64_t kTile = 256;  // rows whose float32 activations (2 H = 1024) and features fit a core's cache
constexpr std::uintptr_t kLine = 64;

bool aligned(const at::Tensor& rows) {
  return reinterpret_cast<std::uintptr_t>(rows.const_data_ptr()) % kLine == 0;
}

/// Rows of 16-bit numbers, dense along the features, into `rows`; false for others.
bool widened(const at::Tensor& part, const at::Tensor& rows) {
  const bool half = part.scalar_type() == at::kHalf;
  if ((!half && part.scalar_type() != at::kBFloat16) || rows.scalar_type() != at::kFloat || part.stride(1) != 1)
    return false;
  const std::int64_t width = part.size(1);
  const auto* from = static_cast<const std::uint16_t*>(part.const_data_ptr());
  for (std::int64_t row = 0; row < part.size(0); ++row)
    (half ? kernels::widen_half : kernels::widen_bf16)(from + row * part.stride(0), width,
                                                       rows.mutable_data_ptr<float>() + row * width);
  return true;
}

template <class T>
void score_tile(const at::Tensor& pre, const PackedGate& gate, const at::Tensor& scores) {
  kernels::pool_kernels<T>().gate_scores(pre.const_data_ptr<T>(), pre.size(0), gate.shape(),
                                         gate.gate_b.const_data_ptr<T>(), gate.w.const_data_ptr<T>(),
                                         gate.b.const_data_ptr<T>(), scores.mutable_data_ptr<T>(), pre.size(0));
}

}  // namespace

at::ScalarType computing_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor dense_rows(const at::Tensor& x, std::int64_t begin, std::int64_t end, at::ScalarType type,
                      TileSpace& space) {
  const at::Tensor part = x.slice(0, begin, end);
  if (part.scalar_type() == type && part.is_contiguous() && aligned(part)) return part;
  at::Tensor rows = space.rows.matrix(part.size(0), part.size(1), type);
  return widened(part, rows) ? rows : rows.copy_(part);
}

PackedGate::PackedGate(const GateWeights& weights)
    : type(computing_type(weights.wv)),
      hidden(weights.wv.size(0)),
      branches(weights.w.size(0)),
      width(weights.wv.size(1)),
      gated(weights.wu.defined()) {
  const at::NoGradGuard no_grad;
  gate = (gated ? at::cat({weights.wv, weights.wu}) : weights.wv).contiguous();
  gate_b = (gated ? at::cat({weights.bv, weights.bu}) : weights.bv).to(type).contiguous();
  if (gate.scalar_type() == at::kBFloat16 && kernels::has_bf16_tiles()) half_gate = gate;
  gate = gate.to(type);
  product = std::make_shared<const RowProduct>(gate);
  w = weights.w.to(type).contiguous();
  b = weights.b.to(type).contiguous();
}

void gate_product(const at::Tensor& rows, const at::Tensor& computed_rows, const PackedGate& gate,
                  const at::Tensor& out) {
  const bool tiles = gate.half_gate.defined() && rows.scalar_type() == at::kBFloat16;
  if (!tiles || !bf16_row_product(rows.contiguous(), gate.half_gate, out)) (*gate.product)(computed_rows, out);
}

SplitResult pool_split_scores(const at::Tensor& scores, const at::Tensor& x, std::int64_t begin, std::int64_t end,
                              TileSpace& space, bool want_gram) {
  const OneThread one;
  const at::ScalarType type = computing_type(scores);
  SplitResult split{scores.slice(1, begin, end), PoolAccumulator(scores.size(0), x.size(1), want_gram)};
  for (std::int64_t row = begin; row < end; row += kTile) {
    const std::int64_t last = std::min(end, row + kTile);
    split.sum.add_rows(scores.slice(1, row, last).to(type).contiguous(), dense_rows(x, row, last, type, space));
  }
  return split;
}

SplitResult pool_split(const at::Tensor& x, std::int64_t begin, std::int64_t end, const PackedGate& gate,
                       TileSpace& space, const Keep& keep) {
  const OneThread one;
  const auto options = at::TensorOptions(gate.type);
  SplitResult split{at::empty({gate.branches, end - begin}, options), PoolAccumulator(gate.branches, gate.width)};
  for (std::int64_t row = begin; row < end; row += kTile) {
    const std::int64_t last = std::min(end, row + kTile);
    const at::Tensor rows = dense_rows(x, row, last, gate.type, space),
                     pre = space.activations.matrix(last - row, gate.product->columns(), gate.type);
    at::Tensor scores = at::empty({gate.branches, last - row}, options);
    gate_product(x.slice(0, row, last), rows, gate, pre);
    gate.type == at::kDouble ? score_tile<double>(pre, gate, scores) : score_tile<float>(pre, gate, scores);
    if (keep.mask.defined()) scores.masked_fill_(keep.mask.slice(-1, row, last).logical_not(), keep.fill);
    split.sum.add_rows(scores, rows);
    split.scores.slice(1, row - begin, last - begin).copy_(scores);
  }
  return split;
}

Pooled native_score_pool(const at::Tensor& scores, const at::Tensor& x, bool want_gram) {
  const at::NoGradGuard no_grad;
  PoolAccumulator sum(scores.size(0), x.size(1), want_gram);
  std::vector<at::Tensor> unused;
  accumulate_splits(x.size(0), sum, unused, [&](std::int64_t begin, std::int64_t end, TileSpace& space) {
    return pool_split_scores(scores, x, begin, end, space, want_gram);
  });
  return sum.result(scores, x.scalar_type());
}

Pooled native_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep) {
  const at::NoGradGuard no_grad;
  const PackedGate gate(weights);
  PoolAccumulator sum(gate.branches, gate.width);
  std::vector<at::Tensor> scores;
  accumulate_splits(x.size(0), sum, scores, [&](std::int64_t begin, std::int64_t end, TileSpace& space) {
    return pool_split(x, begin, end, gate, space, keep);
  });
  return sum.result(at::cat(scores, 1), x.scalar_type());
}

}  // namespace fovea::attention::ops
