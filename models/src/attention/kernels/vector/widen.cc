// bf16 and float16 to float32: exact, in plain loops that the compiler vectorises.
#include <bit>
#include <cstdint>

#include "attention/kernels/vector/table.h"

namespace fovea::attention::kernels {

void widen_bf16(const std::uint16_t* from, std::int64_t n, float* to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[i]) << 16);
}

void widen_half(const std::uint16_t* from, std::int64_t n, float* to) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint32_t sign = (from[i] & 0x8000U) << 16, rest = (from[i] & 0x7fffU) << 13;
    // The exponent is rebased by a multiplication, which also normalises subnormal numbers; infinity and NaN need the
    // rest of theirs.
    const float scaled = std::bit_cast<float>(rest) * 0x1p112F;
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(scaled) | (rest >= 0x0f800000U ? 0x7f800000U : 0U);
    to[i] = std::bit_cast<float>(bits | sign);
  }
}

}  // namespace fovea::attention::kernels
