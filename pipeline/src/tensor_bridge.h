// The only place that sees both an io value and a tensor. Wraps memory without copying and keeps its owner alive.
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include <fovea/io/array.h>
#include <fovea/io/weights.h>
#include <fovea/models/state.h>

namespace fovea::pipeline {

/// A tensor over the array's bytes (read-only by convention: clone before writing).
at::Tensor to_tensor(const io::Array& array);
/// An array over the tensor's bytes (made contiguous on the CPU first; the tensor is kept alive).
io::Array to_array(const at::Tensor& tensor);

models::StateDict to_state(const io::WeightFile& file);
std::map<std::string, io::Array> to_arrays(const models::StateDict& state);

}  // namespace fovea::pipeline
