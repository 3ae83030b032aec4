#include "tensor_bridge.h"

#include <ATen/ops/from_blob.h>

namespace fovea::pipeline {
namespace {

at::ScalarType scalar_type(io::ElementType type) {
  switch (type) {
    case io::ElementType::kBool: return at::kBool;
    case io::ElementType::kU8: return at::kByte;
    case io::ElementType::kI8: return at::kChar;
    case io::ElementType::kI16: return at::kShort;
    case io::ElementType::kI32: return at::kInt;
    case io::ElementType::kI64: return at::kLong;
    case io::ElementType::kF16: return at::kHalf;
    case io::ElementType::kBF16: return at::kBFloat16;
    case io::ElementType::kF32: return at::kFloat;
    case io::ElementType::kF64: return at::kDouble;
  }
  return at::kFloat;
}

io::ElementType element_type(at::ScalarType type) {
  switch (type) {
    case at::kBool: return io::ElementType::kBool;
    case at::kByte: return io::ElementType::kU8;
    case at::kChar: return io::ElementType::kI8;
    case at::kShort: return io::ElementType::kI16;
    case at::kInt: return io::ElementType::kI32;
    case at::kLong: return io::ElementType::kI64;
    case at::kHalf: return io::ElementType::kF16;
    case at::kBFloat16: return io::ElementType::kBF16;
    case at::kDouble: return io::ElementType::kF64;
    default: return io::ElementType::kF32;
  }
}

}  // namespace

at::Tensor to_tensor(const io::Array& array) {
  auto* data = const_cast<std::byte*>(array.bytes.data());
  return at::from_blob(
      data, array.shape, [owner = array.owner](void*) {}, at::TensorOptions(scalar_type(array.type)));
}

io::Array to_array(const at::Tensor& tensor) {
  auto owned = std::make_shared<at::Tensor>(tensor.detach().cpu().contiguous());
  io::Array array;
  array.type = element_type(owned->scalar_type());
  array.shape.assign(owned->sizes().begin(), owned->sizes().end());
  array.bytes = {static_cast<const std::byte*>(owned->const_data_ptr()), static_cast<std::size_t>(owned->nbytes())};
  array.owner = owned;
  return array;
}

models::StateDict to_state(const io::WeightFile& file) {
  models::StateDict state;
  for (const auto& [name, array] : file.tensors) state.emplace(name, to_tensor(array));
  return state;
}

std::map<std::string, io::Array> to_arrays(const models::StateDict& state) {
  std::map<std::string, io::Array> arrays;
  for (const auto& [name, tensor] : state) arrays.emplace(name, to_array(tensor));
  return arrays;
}

}  // namespace fovea::pipeline
