// Hidden values of voxels on a GPU (kernels/pointwise.h) on tensors.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "attention/kernels/pointwise.h"

namespace fovea::attention::ops {

/// W x + b. weights [F, C] with values [images, C, V]; or one a term, [terms, F, C] with [images, terms, C, V]. All
/// contiguous. `bias` [F] may be undefined.
struct DeviceProjection {
  at::Tensor weights, values, bias;
  bool has_terms() const { return values.dim() == 4; }
  kernels::Projection pointers() const;
};

/// One or two projections whose sum a relu takes, `psi` [F] behind it.
struct DeviceHidden {
  std::vector<DeviceProjection> projections;
  at::Tensor psi, present;  ///< present bool [images, terms], or undefined
  std::int64_t terms = 1;
  kernels::Hidden pointers() const;
};

/// The gradient of a projection's values, `slope` [images, terms, V] being that of the scores. Written to `into`, or
/// added to what it holds.
void backward_into(const DeviceHidden& hidden, const DeviceProjection& of, const at::Tensor& slope,
                   const at::Tensor& into, bool add);

/// What weights' gradients are made of.
struct ProjectionGradients {
  at::Tensor weights;  ///< like the weights
  at::Tensor bias;     ///< [F]
  at::Tensor psi;      ///< [F]  the projection's share, without biases
  at::Tensor active;   ///< [F]  sum of slope [pre > 0]: times a bias, its share of psi's gradient
};
ProjectionGradients gradients_of(const DeviceHidden& hidden, const DeviceProjection& of, const at::Tensor& slope);

}  // namespace fovea::attention::ops
