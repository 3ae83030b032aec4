#include <atomic>
#include <fstream>

#include <fovea/base/error.h>
#include <fovea/io/decode_apart.h>

#include "volume/isolated_volume.h"
#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

/// Tried in this order. NIfTI goes by name (its pairs have no magic of their own), the others by content.
constexpr VolumeReader kReaders[] = {
    {"NRRD", [](const std::filesystem::path& path) { return !std::filesystem::is_directory(path) && is_nrrd(path); },
     read_nrrd},
    {"NIfTI", [](const std::filesystem::path& path) { return !std::filesystem::is_directory(path) && is_nifti(path); },
     read_nifti},
    {"MetaImage", is_meta_image, read_meta_image},
    {"DICOM", is_dicom, read_dicom},
};

std::atomic<int> apart{0};

}  // namespace

DecodeApart::DecodeApart() {
  ++apart;
}
DecodeApart::~DecodeApart() {
  --apart;
}

Volume read_volume(const std::filesystem::path& path, const VolumeReadOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    throw Error(ErrorCode::kNotFound, path.string(), "there is no such volume", "Check the path.");
  if (!std::filesystem::is_directory(path)) {
    if (!std::filesystem::is_regular_file(path) || !std::ifstream(path))
      throw Error(ErrorCode::kNotFound, path.string(), "the volume cannot be read", "Check its permissions.");
    if (std::filesystem::file_size(path, ignored) == 0)
      throw Error(ErrorCode::kCorrupt, path.string(), "the volume is empty (0 bytes)", "Copy it again.");
  }
  if (apart > 0) return read_volume_apart(path, options);
  std::string known;
  for (const VolumeReader& reader : kReaders) {
    if (reader.detect(path)) return reader.read(path, options);
    known += (known.empty() ? "" : ", ") + std::string(reader.name);
  }
  throw Error(ErrorCode::kUnsupported, path.string(), "this is no volume that can be read (" + known + ")",
              "See fovea formats for what is read.");
}

}  // namespace fovea::io
