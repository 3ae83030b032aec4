// Tiles of a grid for neighbourhood attention.
#pragma once

#include <vector>

#include "attention/ops/neighbourhood.h"

namespace fovea::attention::ops {

using Indices = std::vector<std::int64_t>;

/// Queries and keys (positions) with what may attend what, [queries, keys]: of an axis, or of a whole grid.
struct Block {
  Indices queries, keys;
  std::vector<char> allowed;
};

class NeighbourhoodBlocks {
 public:
  explicit NeighbourhoodBlocks(const Neighbourhood& grid);
  std::int64_t count() const { return count_; }
  Block operator[](std::int64_t index) const;  ///< without holes, so it may hold no query or no key

 private:
  std::vector<Axis> axes_;
  std::vector<std::vector<Block>> blocks_;
  std::int64_t count_ = 1;
  at::Tensor valid_;
};

}  // namespace fovea::attention::ops
