#include <fovea/pipeline/text_file.h>

#include <fstream>
#include <iterator>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

namespace fovea::pipeline {

void write_text_file(const std::filesystem::path& path, std::string_view bytes) {
  io::write_file(path, bytes);
}

std::string read_text_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.filename().string(), "the file cannot be read",
                "Check that it is there and may be read.");
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace fovea::pipeline
