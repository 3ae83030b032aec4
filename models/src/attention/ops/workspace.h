// Memory of one thread, kept from tile to tile: fresh pages for each would cost more than the arithmetic on them.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace fovea::attention::ops {

/// Memory for dense matrices on the CPU that grows to the largest one asked for; each replaces the one before.
class Workspace {
 public:
  /// [rows, columns] of unspecified content.
  at::Tensor matrix(std::int64_t rows, std::int64_t columns, at::ScalarType type) {
    const std::int64_t size = rows * columns;
    if (!space_.defined() || space_.scalar_type() != type || space_.numel() < size)
      space_ = at::empty({size}, at::TensorOptions(type));
    return space_.slice(0, 0, size).view({rows, columns});
  }

 private:
  at::Tensor space_;
};

}  // namespace fovea::attention::ops
