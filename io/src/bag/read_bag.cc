// Bags by content: HDF5 (CLAM, TRIDENT, ACMIL), safetensors and PyTorch tensors, NumPy arrays.
#include <array>
#include <cstring>
#include <fstream>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "bag/bag_files.h"

namespace fovea::io {
namespace {

std::string shape_text(const Array& array) {
  std::string text;
  for (std::int64_t extent : array.shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return "[" + text + "]";
}

std::string magic_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(path))
    throw Error(ErrorCode::kNotFound, path.string(), "the bag cannot be read", "Check the path and its permissions.");
  std::string head(8, '\0');
  stream.read(head.data(), 8);
  head.resize(static_cast<std::size_t>(stream.gcount()));
  if (head.empty()) throw Error(ErrorCode::kCorrupt, path.string(), "the bag is empty", "Extract the features again.");
  return head;
}

}  // namespace

void check_bag(const std::filesystem::path& path, const FeatureBag& bag) {
  const Array& features = bag.features;
  if (features.shape.size() == 1 && features.shape[0] > 0)
    throw Error(ErrorCode::kUnsupported, path.string(),
                "this is one vector of " + std::to_string(features.shape[0]) +
                    " values (a slide embedding), not a bag of tiles",
                "Use the file of patch features.");
  if (features.shape.size() != 2)
    throw Error(ErrorCode::kShape, path.string(),
                "the features have the shape " + shape_text(features) + " instead of tiles x width",
                "Extract the features again.");
  if (features.type != ElementType::kF16 && features.type != ElementType::kF32 && features.type != ElementType::kF64 &&
      features.type != ElementType::kBF16)
    throw Error(ErrorCode::kShape, path.string(), "the features are not floating-point numbers",
                "Extract the features again.");
  if (!bag.coords.empty() && static_cast<std::int64_t>(bag.coords.size()) != 2 * features.shape[0])
    throw Error(ErrorCode::kShape, path.string(),
                "there are " + std::to_string(features.shape[0]) + " features but " +
                    std::to_string(bag.coords.size() / 2) + " coordinates",
                "Extract the features again.");
}

FeatureBag read_weight_bag(const std::filesystem::path& path, const std::optional<std::string>& key) {
  const WeightFile file = read_weights(path);
  FeatureBag bag;
  const auto choose = [&]() -> const Array* {
    if (key) {
      const auto found = file.tensors.find(*key);
      return found == file.tensors.end() ? nullptr : &found->second;
    }
    for (const char* name : {"features", "feat", ""})
      if (const auto found = file.tensors.find(name); found != file.tensors.end()) return &found->second;
    return file.tensors.size() == 1 ? &file.tensors.begin()->second : nullptr;
  };
  const Array* features = choose();
  if (!features) {
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(file.order.size(), 5); ++i)
      names += (i ? ", " : "") + file.order[i];
    throw Error(key ? ErrorCode::kNotFound : ErrorCode::kUnsupported, path.string(),
                key ? "there is no tensor '" + *key + "' (it holds " + names + ", ...)"
                    : "it holds several tensors (" + names + ", ...)",
                "Name the bag with --features-key.");
  }
  bag.features = *features;
  if (const auto coords = file.tensors.find("coords"); coords != file.tensors.end())
    bag.coords = to_int64(coords->second);
  const auto text = [&](const char* name) {
    const auto found = file.metadata.find(name);
    return found == file.metadata.end() ? std::string{} : found->second;
  };
  bag.encoder = text("encoder");
  for (const auto& [name, value] : file.metadata) bag.attributes[name] = value;
  check_bag(path, bag);
  return bag;
}

FeatureBag read_bag(const std::filesystem::path& path, const std::optional<std::string>& key) {
  const std::string magic = magic_of(path);
  if (magic.rfind("\x89HDF", 0) == 0) return read_hdf5_bag(path, key);
  if (magic.rfind("\x93NUMPY", 0) == 0) return read_npy_bag(path, key);
  return read_weight_bag(path, key);
}

}  // namespace fovea::io
