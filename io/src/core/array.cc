#include <fovea/io/array.h>

#include <cstring>
#include <functional>
#include <numeric>

#include <fovea/base/error.h>

namespace fovea::io {
namespace {

/// IEEE half to float, subnormals, infinities and NaN included.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  std::uint32_t exponent = (half >> 10) & 0x1f, mantissa = half & 0x3ff;
  std::uint32_t bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000u | (mantissa << 13);
  } else if (exponent == 0) {
    if (mantissa == 0) {
      bits = sign;
    } else {
      exponent = 113;
      while (!(mantissa & 0x400)) mantissa <<= 1, --exponent;
      bits = sign | (exponent << 23) | ((mantissa & 0x3ff) << 13);
    }
  } else {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  }
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float bfloat_to_float(std::uint16_t half) {
  const std::uint32_t bits = std::uint32_t{half} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <class T>
T element(const Array& array, std::int64_t index) {
  T value;
  std::memcpy(&value, array.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

template <class Out>
std::vector<Out> converted(const Array& array) {
  std::vector<Out> values(static_cast<std::size_t>(array.elements()));
  for (std::int64_t i = 0; i < array.elements(); ++i) {
    switch (array.type) {
      case ElementType::kBool:
      case ElementType::kU8: values[i] = static_cast<Out>(element<std::uint8_t>(array, i)); break;
      case ElementType::kI8: values[i] = static_cast<Out>(element<std::int8_t>(array, i)); break;
      case ElementType::kI16: values[i] = static_cast<Out>(element<std::int16_t>(array, i)); break;
      case ElementType::kI32: values[i] = static_cast<Out>(element<std::int32_t>(array, i)); break;
      case ElementType::kI64: values[i] = static_cast<Out>(element<std::int64_t>(array, i)); break;
      case ElementType::kF16: values[i] = static_cast<Out>(half_to_float(element<std::uint16_t>(array, i))); break;
      case ElementType::kBF16: values[i] = static_cast<Out>(bfloat_to_float(element<std::uint16_t>(array, i))); break;
      case ElementType::kF32: values[i] = static_cast<Out>(element<float>(array, i)); break;
      case ElementType::kF64: values[i] = static_cast<Out>(element<double>(array, i)); break;
    }
  }
  return values;
}

template <class T>
constexpr ElementType kTypeOf = ElementType::kF32;
template <>
constexpr ElementType kTypeOf<double> = ElementType::kF64;
template <>
constexpr ElementType kTypeOf<std::uint8_t> = ElementType::kU8;
template <>
constexpr ElementType kTypeOf<std::int32_t> = ElementType::kI32;
template <>
constexpr ElementType kTypeOf<std::int64_t> = ElementType::kI64;

}  // namespace

std::string_view element_name(ElementType type) {
  switch (type) {
    case ElementType::kBool: return "BOOL";
    case ElementType::kU8: return "U8";
    case ElementType::kI8: return "I8";
    case ElementType::kI16: return "I16";
    case ElementType::kI32: return "I32";
    case ElementType::kI64: return "I64";
    case ElementType::kF16: return "F16";
    case ElementType::kBF16: return "BF16";
    case ElementType::kF32: return "F32";
    case ElementType::kF64: return "F64";
  }
  return "F32";
}

std::int64_t Array::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

template <class T>
Array make_array(std::span<const T> values, std::vector<std::int64_t> shape) {
  auto owned = std::make_shared<std::vector<T>>(values.begin(), values.end());
  Array array{kTypeOf<T>, std::move(shape), std::as_bytes(std::span<const T>(*owned)), owned};
  if (array.elements() != static_cast<std::int64_t>(values.size()))
    throw Error(ErrorCode::kInternal, "make_array", "the shape does not hold the values given");
  return array;
}
template Array make_array(std::span<const float>, std::vector<std::int64_t>);
template Array make_array(std::span<const double>, std::vector<std::int64_t>);
template Array make_array(std::span<const std::uint8_t>, std::vector<std::int64_t>);
template Array make_array(std::span<const std::int32_t>, std::vector<std::int64_t>);
template Array make_array(std::span<const std::int64_t>, std::vector<std::int64_t>);

std::vector<float> to_float(const Array& array) {
  return converted<float>(array);
}
std::vector<std::int64_t> to_int64(const Array& array) {
  return converted<std::int64_t>(array);
}

}  // namespace fovea::io
