// Neighbourhood attention tile by tile with tensor operations: differentiable, any device. The keys of a tile are
// gathered once, so that scores and sums are ordinary matrix products.
#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "attention/minus_infinity.h"
#include "attention/ops/neighbourhood.h"
#include "attention/ops/neighbourhood_blocks.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention::ops {
namespace {

struct TileResult {
  at::Tensor queries, out, lse;  ///< undefined when the tile is one hole
};

TileResult attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Block& block, double scale) {
  if (block.queries.empty() || block.keys.empty()) return {};
  const auto on_device = [&](const Indices& values) { return at::tensor(values, at::kLong).to(q.device()); };
  const at::Tensor rows = on_device(block.queries), columns = on_device(block.keys);
  const at::Tensor keys = k.index_select(2, columns), values = v.index_select(2, columns);
  at::Tensor scores = at::matmul(q.index_select(2, rows) * scale, keys.transpose(2, 3));
  if (std::find(block.allowed.begin(), block.allowed.end(), 0) != block.allowed.end()) {
    at::Tensor dropped = at::zeros({rows.size(0), columns.size(0)}, at::kBool);
    std::transform(block.allowed.begin(), block.allowed.end(), dropped.mutable_data_ptr<bool>(),
                   [](char seen) { return seen == 0; });
    scores = scores.masked_fill(dropped.to(q.device()), kMinusInfinity);
  }
  const Softmax soft = softmax_of(scores);
  return {rows, at::matmul(soft.weights, values), soft.lse()};
}

/// Tiles' rows back in the order of the tokens; tokens of no tile are holes.
Attended assembled(const std::vector<TileResult>& tiles, const at::Tensor& q, const at::Tensor& v) {
  std::vector<at::Tensor> rows, outs, lses;
  for (const TileResult& tile : tiles) {
    if (!tile.out.defined()) continue;
    rows.push_back(tile.queries), outs.push_back(tile.out), lses.push_back(tile.lse);
  }
  Attended all{at::zeros({q.size(0), q.size(1), q.size(2), v.size(3)}, v.options()),
               at::full({q.size(0), q.size(1), q.size(2)}, kMinusInfinity, q.options())};
  if (rows.empty()) return all;
  const at::Tensor order = at::cat(rows);
  return {all.out.index_copy(2, order, at::cat(outs, 2)), all.lse.index_copy(2, order, at::cat(lses, 2))};
}

}  // namespace

Attended tiled_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Neighbourhood& grid) {
  const NeighbourhoodBlocks blocks(grid);
  std::vector<TileResult> results;
  for (std::int64_t i = 0; i < blocks.count(); ++i) results.push_back(attend(q, k, v, blocks[i], grid.scale));
  return assembled(results, q, v);
}

}  // namespace fovea::attention::ops
