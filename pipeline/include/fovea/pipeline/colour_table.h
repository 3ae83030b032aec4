// Colour maps for viewers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fovea::pipeline {

/// 256 entries 0xRRGGBB of "viridis", "magma", "cividis" or "coolwarm". Error(kUsage) for other names.
std::array<std::uint32_t, 256> colour_table(std::string_view map);

}  // namespace fovea::pipeline
