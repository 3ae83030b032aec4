#include <fovea/io/torch_tensor.h>

#include <algorithm>
#include <string>

#include <fovea/io/atomic_file.h>

#include "weights/zip_writer.h"

namespace fovea::io {
namespace {

constexpr std::int64_t kPieceBytes = 4 << 20;

std::string pickled(const std::string& text) {
  std::string bytes = "X";
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return bytes + text;
}
std::string pickled(std::int64_t value) {
  std::string bytes = "\x8a\x08";  // LONG1 of eight bytes
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  return bytes;
}

/// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks), protocol 2.
std::string pickle_of(std::int64_t rows, std::int64_t width) {
  const std::string storage = "(" + pickled("storage") + "ctorch\nFloatStorage\n" + pickled("0") + pickled("cpu") +
                              pickled(rows * width) + "tQ";
  const std::string size = pickled(rows) + pickled(width) + "\x86",
                    stride = pickled(width) + pickled(std::int64_t{1}) + "\x86";
  return "\x80\x02"
         "ctorch._utils\n_rebuild_tensor_v2\n(" +
         storage + pickled(std::int64_t{0}) + size + stride +
         "\x89"
         "ccollections\nOrderedDict\n)RtR.";
}

}  // namespace

void write_torch_tensor(const std::filesystem::path& target, std::int64_t rows, std::int64_t width,
                        const RowSource& source) {
  write_with(target, [&](const std::filesystem::path& temporary) {
    ZipWriter zip(temporary);
    zip.add("archive/data.pkl", pickle_of(rows, width));
    zip.add("archive/byteorder", "little");
    zip.begin("archive/data/0", static_cast<std::uint64_t>(rows * width) * sizeof(float));
    const std::int64_t piece = std::max<std::int64_t>(
        1, kPieceBytes / static_cast<std::int64_t>(sizeof(float)) / std::max<std::int64_t>(1, width));
    for (std::int64_t first = 0; first < rows; first += piece) {
      const auto values = source(first, std::min(piece, rows - first));
      zip.write({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
    }
    zip.add("archive/version", "3\n");
    zip.finish();
  });
}

}  // namespace fovea::io
