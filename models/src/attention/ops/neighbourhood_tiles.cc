// Neighbourhood attention without a matrix over all pairs. A tile is a box of queries of one dilation group; the keys
// it needs form a box as well, gathered once, so that scores and sums are ordinary matrix products. What one query sees
// of the box is an outer product of the axes' rules.
#include <algorithm>
#include <limits>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "attention/ops/neighbourhood.h"
#include "attention/ops/pool.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention::ops {
namespace {

using Indices = std::vector<std::int64_t>;

/// Queries and keys (positions) with what may attend what, [queries, keys]: of an axis, or of a whole grid.
struct Block {
  Indices queries, keys;
  std::vector<char> allowed;
};

/// Queries [begin, end) of a group and the union of their windows.
Block axis_block(const Axis& axis, std::int64_t group, std::int64_t begin, std::int64_t end) {
  Block block;
  const std::int64_t first = window_of(axis, group, begin).begin, last = window_of(axis, group, end - 1).end;
  const auto position = [&](std::int64_t i) { return i * axis.dilation + group; };
  for (std::int64_t j = first; j < last; ++j) block.keys.push_back(position(j));
  for (std::int64_t i = begin; i < end; ++i) {
    block.queries.push_back(position(i));
    const Window window = window_of(axis, group, i);
    for (std::int64_t j = first; j < last; ++j) block.allowed.push_back(j >= window.begin && j < window.end);
  }
  return block;
}

/// A tile about as long as the window does twice the needed work an axis; a multiple of the stride keeps stride groups
/// whole.
std::int64_t tile_length(const Axis& axis, std::size_t axes) {
  const std::int64_t least = axes == 1 ? 32 : axes == 2 ? 8 : 4, most = 4 * least;
  const std::int64_t wanted = std::clamp(axis.window, least, most);
  return (wanted + axis.stride - 1) / axis.stride * axis.stride;
}

std::vector<Block> axis_blocks(const Axis& axis, std::size_t axes) {
  std::vector<Block> blocks;
  const std::int64_t step = tile_length(axis, axes);
  for (std::int64_t group = 0; group < axis.dilation; ++group) {
    const std::int64_t n = group_length(axis, group);
    for (std::int64_t begin = 0; begin < n; begin += step)
      blocks.push_back(axis_block(axis, group, begin, std::min(n, begin + step)));
  }
  return blocks;
}

Indices outer(const Indices& slow, std::int64_t length, const Indices& fast) {
  Indices all;
  all.reserve(slow.size() * fast.size());
  for (std::int64_t a : slow)
    for (std::int64_t b : fast) all.push_back(a * length + b);
  return all;
}

Block outer(const Block& slow, std::int64_t length, const Block& fast) {
  Block all{outer(slow.queries, length, fast.queries), outer(slow.keys, length, fast.keys), {}};
  all.allowed.resize(all.queries.size() * all.keys.size());
  char* at_pair = all.allowed.data();
  const std::size_t nk = slow.keys.size(), mk = fast.keys.size();
  for (std::size_t qa = 0; qa < slow.queries.size(); ++qa)
    for (std::size_t qb = 0; qb < fast.queries.size(); ++qb)
      for (std::size_t ka = 0; ka < nk; ++ka)
        for (std::size_t kb = 0; kb < mk; ++kb)
          *at_pair++ = static_cast<char>(slow.allowed[qa * nk + ka] & fast.allowed[qb * mk + kb]);
  return all;
}

/// Leaves holes out of a block: neither their queries nor their keys are ever touched.
Block without_holes(const Block& block, const bool* valid) {
  Block rest;
  for (std::int64_t key : block.keys)
    if (valid[key]) rest.keys.push_back(key);
  for (std::size_t q = 0; q < block.queries.size(); ++q) {
    if (!valid[block.queries[q]]) continue;
    rest.queries.push_back(block.queries[q]);
    for (std::size_t k = 0; k < block.keys.size(); ++k)
      if (valid[block.keys[k]]) rest.allowed.push_back(block.allowed[q * block.keys.size() + k]);
  }
  return rest;
}

class Tiles {
 public:
  explicit Tiles(const Neighbourhood& grid) : axes_(grid.axes) {
    for (const Axis& axis : axes_) {
      blocks_.push_back(axis_blocks(axis, axes_.size()));
      count_ *= static_cast<std::int64_t>(blocks_.back().size());
    }
    if (grid.valid.defined()) valid_ = grid.valid.to(at::kCPU).contiguous();
  }
  std::int64_t count() const { return count_; }
  Block operator[](std::int64_t index) const {
    Block block{{0}, {0}, {1}};
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      const auto blocks = static_cast<std::int64_t>(blocks_[a].size());
      block = outer(block, axes_[a].length, blocks_[a][static_cast<std::size_t>(index % blocks)]);
      index /= blocks;
    }
    return valid_.defined() ? without_holes(block, valid_.const_data_ptr<bool>()) : block;
  }

 private:
  std::vector<Axis> axes_;
  std::vector<std::vector<Block>> blocks_;
  std::int64_t count_ = 1;
  at::Tensor valid_;
};

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
    scores = scores.masked_fill(dropped.to(q.device()), -std::numeric_limits<double>::infinity());
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
               at::full({q.size(0), q.size(1), q.size(2)}, -std::numeric_limits<double>::infinity(), q.options())};
  if (rows.empty()) return all;
  const at::Tensor order = at::cat(rows);
  return {all.out.index_copy(2, order, at::cat(outs, 2)), all.lse.index_copy(2, order, at::cat(lses, 2))};
}

}  // namespace

Attended tiled_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Neighbourhood& grid,
                             bool parallel) {
  const Tiles tiles(grid);
  std::vector<TileResult> results(static_cast<std::size_t>(tiles.count()));
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      results[static_cast<std::size_t>(i)] = attend(q, k, v, tiles[i], grid.scale);
  };
  if (parallel) {
    at::parallel_for(0, tiles.count(), 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard no_grad;  // both guards are the thread's own
      const OneThread one;
      run(begin, end);
    });
  } else {
    run(0, tiles.count());
  }
  return assembled(results, q, v);
}

}  // namespace fovea::attention::ops
