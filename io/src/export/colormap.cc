#include <fovea/io/colormap.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <fovea/base/error.h>

#include "export/colormap_tables.h"

namespace fovea::io {
namespace {

struct Row {
  std::string_view name;
  const std::uint32_t* entries;
};
constexpr Row kMaps[] = {
    {"viridis", kViridis}, {"magma", kMagma}, {"cividis", kCividis}, {"coolwarm", kCoolwarm}, {"jet", kJet}};

}  // namespace

Rgb colour(std::string_view map, double value) {
  std::string known;
  for (const Row& row : kMaps) {
    known += (known.empty() ? "" : ", ") + std::string(row.name);
    if (row.name != map) continue;
    const double clamped = std::isnan(value) ? 0.0 : std::clamp(value, 0.0, 1.0);
    const std::uint32_t entry = row.entries[static_cast<int>(std::lround(clamped * 255))];
    return {static_cast<std::uint8_t>(entry >> 16), static_cast<std::uint8_t>(entry >> 8),
            static_cast<std::uint8_t>(entry)};
  }
  throw Error(ErrorCode::kUsage, "colour map", "there is no map '" + std::string(map) + "'",
              "Choose one of " + known + ".");
}

}  // namespace fovea::io
