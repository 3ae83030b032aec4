// A Grid as LibTorch sees it: [X, Y, Z] over memory in which x is fastest.
#pragma once

#include <ATen/core/Tensor.h>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Borrows the grid's values; only to be read.
at::Tensor view_of(const Grid& grid);
/// A copy of [X, Y, Z] of any type and layout.
Grid grid_of(const at::Tensor& tensor);

}  // namespace fovea::pipeline::mri
