// Shapes without data, for Meta and fake tensors. Sizes may be symbols.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/SymInt.h>

#include "attention/registration/kernel.h"

namespace fovea::attention::registration {

inline at::Tensor shaped(const at::Tensor& like, at::ScalarType type, std::vector<c10::SymInt> sizes) {
  return at::empty_symint(sizes, like.options().dtype(type));
}

/// sizes [begin, end) of x, followed by more.
inline std::vector<c10::SymInt> sizes_of(const at::Tensor& x, std::int64_t begin, std::int64_t end,
                                         std::initializer_list<c10::SymInt> more = {}) {
  std::vector<c10::SymInt> sizes;
  for (std::int64_t i = begin; i < end; ++i) sizes.push_back(x.sym_size(i));
  sizes.insert(sizes.end(), more);
  return sizes;
}

}  // namespace fovea::attention::registration
