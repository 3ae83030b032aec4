#include "mri/grid_tensor.h"

#include <algorithm>

#include <ATen/ops/from_blob.h>

namespace fovea::pipeline::mri {

at::Tensor view_of(const Grid& grid) {
  return at::from_blob(const_cast<float*>(grid.values.data()), {grid.size[0], grid.size[1], grid.size[2]},
                       {1, grid.size[0], grid.size[0] * grid.size[1]}, at::kFloat);
}

Grid grid_of(const at::Tensor& tensor) {
  Grid grid({tensor.size(0), tensor.size(1), tensor.size(2)});
  const at::Tensor lying = tensor.to(at::kFloat).permute({2, 1, 0}).contiguous();
  std::copy_n(lying.const_data_ptr<float>(), grid.values.size(), grid.values.begin());
  return grid;
}

}  // namespace fovea::pipeline::mri
