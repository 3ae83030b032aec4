// A typed, shaped view of owned or memory-mapped bytes: how tensors leave and enter files without LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::io {

enum class ElementType { kBool, kU8, kI8, kI16, kI32, kI64, kF16, kBF16, kF32, kF64 };

constexpr std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::kBool:
    case ElementType::kU8:
    case ElementType::kI8: return 1;
    case ElementType::kI16:
    case ElementType::kF16:
    case ElementType::kBF16: return 2;
    case ElementType::kI32:
    case ElementType::kF32: return 4;
    case ElementType::kI64:
    case ElementType::kF64: return 8;
  }
  return 0;
}
std::string_view element_name(ElementType type);  ///< safetensors' spelling: "F32", "I64", ...

/// Row-major, contiguous, little-endian. `owner` keeps the bytes alive (a mapped file, a vector, a tensor).
/// Copying an Array copies the view, not the bytes.
struct Array {
  ElementType type = ElementType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  std::int64_t elements() const;  ///< product of shape; 1 for a scalar
};

/// Copies `values` (product(shape) of them) into an Array that owns its bytes. T: float, double, uint8, int32, int64.
template <class T>
Array make_array(std::span<const T> values, std::vector<std::int64_t> shape);

/// The array's elements converted to float32 / int64 (f16 and bf16 are widened).
std::vector<float> to_float(const Array& array);
std::vector<std::int64_t> to_int64(const Array& array);

}  // namespace fovea::io
