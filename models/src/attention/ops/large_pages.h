// Memory of results.
#pragma once

#include <ATen/core/Tensor.h>

namespace fovea::attention::ops {

/// `fresh`, uninitialised memory that is about to be written whole: asks the system for large pages where the tensor is
/// larger than some of them. The first touch of 4 kB pages can cost more than a memory-bound operator itself.
at::Tensor on_large_pages(at::Tensor fresh);

}  // namespace fovea::attention::ops
