#include <fovea/io/torch_tensor.h>
#include <fovea/io/weights.h>

#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  // The legacy format is a row of pickles: a protocol-2 dictionary is enough for a mutator to begin with.
  static constexpr char kLegacy[] =
      "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00.";
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  return {file_bytes([&](const auto& path) {
            io::write_torch_tensor(path, 2, 3, [&](std::int64_t first, std::int64_t count) {
              return std::span<const float>(values).subspan(static_cast<std::size_t>(3 * first),
                                                            static_cast<std::size_t>(3 * count));
            });
          }),
          std::string(kLegacy, sizeof kLegacy - 1)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fovea::fuzz::as_file(data, size, [](const auto& path) { fovea::io::read_torch_checkpoint(path); });
  return 0;
}
