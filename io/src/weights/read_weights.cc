// The ordered table of weight readers: recognised by content, never by name.
#include <array>
#include <cstring>
#include <fstream>
#include <string_view>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

namespace fovea::io {
namespace {

struct Head {
  std::array<char, 16> bytes{};
  std::size_t size = 0;
  bool starts_with(std::string_view magic) const {
    return size >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  }
};

bool is_hdf5(const Head& head) {
  return head.starts_with("\x89HDF\r\n\x1a\n");
}
bool is_zip(const Head& head) {
  return head.starts_with("PK\x03\x04");
}
/// Protocol 2 and a ten-byte integer: the legacy format's magic number.
bool is_legacy_pickle(const Head& head) {
  return head.starts_with("\x80\x02\x8a\x0a");
}
/// A plausible header length, then the opening brace.
bool is_safetensors(const Head& head) {
  return head.size > 8 && head.bytes[8] == '{' && head.bytes[6] == 0 && head.bytes[7] == 0;
}
/// ModelProto begins with ir_version (field 1) as every exporter writes it.
bool is_onnx(const Head& head) {
  return head.size > 2 && head.bytes[0] == 0x08;
}

struct Row {
  std::string_view name;
  bool (*detect)(const Head&);
  WeightFile (*read)(const std::filesystem::path&);
};
constexpr Row kReaders[] = {{"safetensors", is_safetensors, read_safetensors},
                            {"PyTorch checkpoint (zip)", is_zip, read_torch_checkpoint},
                            {"PyTorch checkpoint (legacy)", is_legacy_pickle, read_torch_checkpoint},
                            {"Keras HDF5", is_hdf5, read_keras_hdf5},
                            {"ONNX", is_onnx, read_onnx_initialisers}};

Head head_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(path))
    throw Error(ErrorCode::kNotFound, path.string(), "the weight file cannot be read",
                "Check the path and its permissions.");
  Head head;
  stream.read(head.bytes.data(), static_cast<std::streamsize>(head.bytes.size()));
  head.size = static_cast<std::size_t>(stream.gcount());
  if (head.size == 0)
    throw Error(ErrorCode::kCorrupt, path.string(), "the weight file is empty", "Copy or download it again.");
  return head;
}

}  // namespace

WeightFile read_weights(const std::filesystem::path& path) {
  const Head head = head_of(path);
  std::string known;
  for (const Row& row : kReaders) {
    if (row.detect(head)) return row.read(path);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorCode::kUnsupported, path.string(), "this is no weight file that is understood (" + known + ")",
              "Save the weights in one of these formats.");
}

}  // namespace fovea::io
