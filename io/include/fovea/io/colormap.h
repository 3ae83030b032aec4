// Perceptual colour maps of 256 entries.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fovea::io {

using Rgb = std::array<std::uint8_t, 3>;

/// "viridis" (default), "magma", "cividis", "coolwarm", "jet". `value` is clamped to 0..1. Error(kUsage) lists the
/// names.
Rgb colour(std::string_view map, double value);

}  // namespace fovea::io
