#include <fovea/io/weights.h>

#include "target.h"

namespace {

/// A field of bytes: small lengths only.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}
std::string whole(int number, int value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

}  // namespace

std::vector<std::string> fovea::fuzz::seeds() {
  const std::string tensor =
      whole(1, 2) + whole(1, 1) + whole(2, 1) + field(8, "conv.weight") + field(9, std::string(8, '\1'));
  const std::string node = field(1, "x") + field(1, "conv.weight") + field(2, "y") + field(3, "n") + field(4, "Conv");
  const std::string info = field(1, "x") + field(2, field(1, whole(1, 1) + field(2, field(1, whole(1, 3)))));
  const std::string graph = field(1, node) + field(5, tensor) + field(11, info) + field(12, info);
  return {whole(1, 8) + field(7, graph)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fovea::fuzz::as_file(data, size, [](const auto& path) { fovea::io::read_onnx_initialisers(path); });
  return 0;
}
