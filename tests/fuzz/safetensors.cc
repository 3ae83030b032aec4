#include <fovea/io/weights.h>

#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  return {file_bytes([&](const auto& path) {
    io::write_safetensors(path,
                          {{"a.weight", io::make_array<float>(std::span<const float>(values), {2, 3})},
                           {"b", io::make_array<float>(std::span<const float>(values), {6})}},
                          {{"fovea.architecture", "abmil"}});
  })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fovea::fuzz::as_file(data, size, [](const auto& path) { fovea::io::read_safetensors(path); });
  return 0;
}
