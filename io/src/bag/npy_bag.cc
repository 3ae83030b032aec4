// NumPy's .npy: magic, version, a small dictionary literal, raw data; and the folders of such files that torchmil keeps
// (features, coords, labels, patch_labels: one file a bag in each).
#include <charconv>
#include <cstring>
#include <map>
#include <stdexcept>

#include <fovea/base/error.h>

#include "bag/bag_files.h"
#include "core/mapped_file.h"

namespace fovea::io {
namespace {

/// The text after `'key':` in the header's dictionary literal.
std::string value_of(const std::string& header, const std::string& key) {
  const auto at = header.find("'" + key + "'");
  if (at == std::string::npos) throw std::runtime_error("its header lacks '" + key + "'");
  return header.substr(header.find(':', at) + 1);
}

ElementType element_of(const std::string& descr) {
  static const std::map<std::string, ElementType> kTypes{
      {"<f2", ElementType::kF16}, {"<f4", ElementType::kF32}, {"<f8", ElementType::kF64},
      {"<i4", ElementType::kI32}, {"<i8", ElementType::kI64}, {"<i2", ElementType::kI16},
      {"|i1", ElementType::kI8},  {"|u1", ElementType::kU8},  {"|b1", ElementType::kBool}};
  const auto found = kTypes.find(descr);
  if (found == kTypes.end()) throw std::runtime_error("its element type '" + descr + "' is not understood");
  return found->second;
}

Array read_array(const std::shared_ptr<const MappedFile>& file) {
  const auto bytes = file->bytes();
  if (bytes.size() < 12) throw std::runtime_error("it is truncated");
  const bool wide = static_cast<int>(bytes[6]) >= 2;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
  const std::size_t start = (wide ? 12 : 10) + std::size_t{length};
  if (start > bytes.size()) throw std::runtime_error("it is truncated");
  const std::string header(reinterpret_cast<const char*>(bytes.data()) + (wide ? 12 : 10), length);
  const std::string descr = value_of(header, "descr");
  const auto quote = descr.find('\'');
  Array array;
  array.type = element_of(descr.substr(quote + 1, descr.find('\'', quote + 1) - quote - 1));
  if (value_of(header, "fortran_order").find("True") < 3) throw std::runtime_error("it is stored column by column");
  const std::string shape = value_of(header, "shape");
  std::uint64_t size = element_size(array.type);
  for (const char* c = shape.data() + shape.find('(') + 1; *c && *c != ')';) {
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(c, shape.data() + shape.size(), extent);
    if (error != std::errc{}) {
      ++c;
      continue;
    }
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size))
      throw std::runtime_error("its shape is impossible");
    array.shape.push_back(extent);
    c = end;
  }
  if (size != bytes.size() - start)
    throw std::runtime_error("its size does not fit its shape (the file may be truncated)");
  array.bytes = bytes.subspan(start);
  array.owner = file;
  return array;
}

/// The file of the same name in torchmil's folder `kind` beside the features' folder, if there is one.
std::optional<Array> beside(const std::filesystem::path& features, const char* kind) {
  const std::filesystem::path folder = std::filesystem::absolute(features).parent_path();
  if (folder.filename().string().rfind("features", 0) != 0) return {};
  const std::filesystem::path file = folder.parent_path() / kind / features.filename();
  if (!std::filesystem::exists(file)) return {};
  return read_array(MappedFile::open(file));
}

FeatureBag bag_of(const std::filesystem::path& path) {
  FeatureBag bag;
  bag.features = read_array(MappedFile::open(path));
  if (const auto coords = beside(path, "coords"); coords && coords->shape.size() == 2 && coords->shape[1] == 2)
    bag.coords = to_int64(*coords);
  if (const auto label = beside(path, "labels"); label && label->elements() == 1) bag.label = to_int64(*label)[0];
  if (const auto labels = beside(path, "patch_labels")) bag.instance_labels = to_int64(*labels);
  return bag;
}

}  // namespace

FeatureBag read_npy_bag(const std::filesystem::path& path, const std::optional<std::string>&) {
  FeatureBag bag;
  try {
    bag = bag_of(path);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorrupt, path.string(), std::string("the NumPy array cannot be read: ") + error.what(),
                "Save the features again.");
  }
  check_bag(path, bag);
  return bag;
}

}  // namespace fovea::io
