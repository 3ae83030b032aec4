#include <fovea/pipeline/colour_table.h>

#include <fovea/io/colormap.h>

namespace fovea::pipeline {

std::array<std::uint32_t, 256> colour_table(std::string_view map) {
  std::array<std::uint32_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const io::Rgb c = io::colour(map, static_cast<double>(i) / 255);
    table[i] = static_cast<std::uint32_t>(c[0]) << 16 | static_cast<std::uint32_t>(c[1]) << 8 | c[2];
  }
  return table;
}

}  // namespace fovea::pipeline
