// The tiles of neighbourhood attention: a tile is a box of queries of one dilation group; the keys it needs form a box
// as well. What one query sees of the box is an outer product of the axes' rules.
#include "attention/ops/neighbourhood_blocks.h"

#include <algorithm>

namespace fovea::attention::ops {
namespace {

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
  auto at_row = all.allowed.begin();
  const auto nk = static_cast<std::ptrdiff_t>(slow.keys.size()), mk = static_cast<std::ptrdiff_t>(fast.keys.size());
  for (auto slow_row = slow.allowed.begin(); slow_row != slow.allowed.end(); slow_row += nk)
    for (auto fast_row = fast.allowed.begin(); fast_row != fast.allowed.end(); fast_row += mk)
      for (std::ptrdiff_t ka = 0; ka < nk; ++ka, at_row += mk)
        if (slow_row[ka]) std::copy(fast_row, fast_row + mk, at_row);
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

}  // namespace

NeighbourhoodBlocks::NeighbourhoodBlocks(const Neighbourhood& grid) : axes_(grid.axes) {
  for (const Axis& axis : axes_) {
    blocks_.push_back(axis_blocks(axis, axes_.size()));
    count_ *= static_cast<std::int64_t>(blocks_.back().size());
  }
  if (grid.valid.defined()) valid_ = grid.valid.to(at::kCPU).contiguous();
}

Block NeighbourhoodBlocks::operator[](std::int64_t index) const {
  Block block{{0}, {0}, {1}};
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const auto blocks = static_cast<std::int64_t>(blocks_[a].size());
    block = outer(block, axes_[a].length, blocks_[a][static_cast<std::size_t>(index % blocks)]);
    index /= blocks;
  }
  return valid_.defined() ? without_holes(block, valid_.const_data_ptr<bool>()) : block;
}

}  // namespace fovea::attention::ops
