// NRRD and MetaImage: detached headers may only name a file beside them (the path comes from an untrusted file).
#include <fstream>

#include <itkMetaImageIO.h>
#include <itkNrrdImageIO.h>

#include <fovea/base/error.h>

#include "volume/itk_bridge.h"
#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr int kHeaderLines = 200;

std::string head_of(const fs::path& path, std::size_t count) {
  std::ifstream stream(path, std::ios::binary);
  std::string head(count, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(count));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  return head;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? std::string{} : text.substr(first, last - first + 1);
}

/// The value of `key` followed by `separator` in the text header, e.g. "data file: x.raw".
std::string header_value(const fs::path& path, std::initializer_list<std::string_view> keys, char separator) {
  std::ifstream stream(path, std::ios::binary);
  std::string line;
  for (int i = 0; i < kHeaderLines && std::getline(stream, line) && !line.empty() && line != "\r"; ++i)
    for (std::string_view key : keys)
      if (line.size() < 4096 && line.rfind(key, 0) == 0)
        if (const auto at = line.find(separator); at != std::string::npos) return trimmed(line.substr(at + 1));
  return {};
}

void check_data_file(const fs::path& path, const std::string& name) {
  if (name.empty() || name == "LOCAL") return;
  const fs::path data(name);
  bool climbs = data.is_absolute();
  for (const auto& part : data) climbs = climbs || part == "..";
  if (climbs || name.rfind("LIST", 0) == 0 || name.find('%') != std::string::npos)
    throw Error(ErrorCode::kUnsupported, path.string(),
                "the header points to data outside its own folder or to several files", "Save the volume as one file.");
  if (!fs::exists(path.parent_path() / data))
    throw Error(ErrorCode::kNotFound, path.string(), "the data file that the header names is missing",
                "Copy it beside the header, or save the volume as one file.");
}

}  // namespace

bool is_nrrd(const fs::path& path) {
  return head_of(path, 4) == "NRRD";
}

Volume read_nrrd(const fs::path& path, const VolumeReadOptions& options) {
  check_data_file(path, header_value(path, {"data file", "datafile"}, ':'));
  auto image_io = itk::NrrdImageIO::New();
  return read_with(image_io, path, options);
}

bool is_meta_image(const fs::path& path) {
  return path.extension() == ".mha" || path.extension() == ".mhd";
}

Volume read_meta_image(const fs::path& path, const VolumeReadOptions& options) {
  check_data_file(path, header_value(path, {"ElementDataFile"}, '='));
  auto image_io = itk::MetaImageIO::New();
  return read_with(image_io, path, options);
}

}  // namespace fovea::io
