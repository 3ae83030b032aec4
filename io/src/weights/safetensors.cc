// safetensors: 8-byte little-endian header length, JSON header, raw data. Everything the header says is checked before
// use.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/weights.h>

#include "core/mapped_file.h"

namespace fovea::io {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit

[[noreturn]] void corrupt(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ErrorCode::kCorrupt, path.string(), problem, "Copy or download the file again.");
}

std::optional<ElementType> element_of(const std::string& name) {
  for (ElementType type :
       {ElementType::kBool, ElementType::kU8, ElementType::kI8, ElementType::kI16, ElementType::kI32, ElementType::kI64,
        ElementType::kF16, ElementType::kBF16, ElementType::kF32, ElementType::kF64})
    if (element_name(type) == name) return type;
  return {};
}

/// Parses the header; a name given twice is refused (a JSON library would silently keep one).
Json parse_header(const std::filesystem::path& path, std::string_view text) {
  std::vector<std::set<std::string>> open;
  bool doubled = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second) doubled = true;
    return true;
  };
  Json header = Json::parse(text, watch, false);
  if (header.is_discarded() || !header.is_object()) corrupt(path, "the safetensors header is not valid JSON");
  if (doubled) corrupt(path, "the safetensors header names a tensor twice");
  return header;
}

struct Placed {
  std::uint64_t begin = 0, end = 0;
  std::string name;
};

Array checked_tensor(const std::filesystem::path& path, const std::string& name, const Json& entry,
                     std::span<const std::byte> data, std::uint64_t& begin, std::uint64_t& end) {
  const auto whole = [](const Json& value) { return value.is_number_unsigned(); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() || !entry.contains("shape") ||
      !entry["shape"].is_array() || !entry.contains("data_offsets") || !entry["data_offsets"].is_array() ||
      entry["data_offsets"].size() != 2 || !std::all_of(entry["shape"].begin(), entry["shape"].end(), whole) ||
      !std::all_of(entry["data_offsets"].begin(), entry["data_offsets"].end(), whole))
    corrupt(path, "tensor '" + name + "' is not described by dtype, shape and data_offsets");
  const auto type = element_of(entry["dtype"].get<std::string>());
  if (!type)
    throw Error(ErrorCode::kUnsupported, path.string(),
                "tensor '" + name + "' has the element type " + entry["dtype"].get<std::string>(),
                "Convert it to float32 or float16.");
  Array array;
  array.type = *type;
  std::uint64_t size = element_size(*type);
  for (const Json& extent : entry["shape"]) {
    const auto value = extent.get<std::uint64_t>();
    if (value > std::numeric_limits<std::int64_t>::max() || __builtin_mul_overflow(size, value, &size))
      corrupt(path, "tensor '" + name + "' has an impossible shape");
    array.shape.push_back(static_cast<std::int64_t>(value));
  }
  begin = entry["data_offsets"][0].get<std::uint64_t>();
  end = entry["data_offsets"][1].get<std::uint64_t>();
  if (begin > end || end > data.size())
    corrupt(path, "tensor '" + name + "' lies outside the file (the file may be truncated)");
  if (end - begin != size) corrupt(path, "tensor '" + name + "' has a size that does not fit its shape");
  array.bytes = data.subspan(begin, end - begin);
  return array;
}

/// Kernels want aligned elements; a header of odd length shifts all data. Then, and only then, the tensor is copied.
void own(Array& array, const std::shared_ptr<const MappedFile>& file) {
  if (reinterpret_cast<std::uintptr_t>(array.bytes.data()) % element_size(array.type) == 0) {
    array.owner = file;
    return;
  }
  auto copy = std::make_shared<std::vector<std::byte>>(array.bytes.begin(), array.bytes.end());
  array.bytes = *copy;
  array.owner = copy;
}

void refuse_overlaps(const std::filesystem::path& path, std::vector<Placed> placed, std::uint64_t size) {
  std::sort(placed.begin(), placed.end(),
            [](const Placed& a, const Placed& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const Placed& tensor : placed) {
    if (tensor.begin < at) corrupt(path, "tensor '" + tensor.name + "' overlaps another");
    if (tensor.begin > at) corrupt(path, "there is a hole before tensor '" + tensor.name + "'");
    at = tensor.end;
  }
  if (at != size) corrupt(path, "the file has bytes that belong to no tensor");
}

}  // namespace

WeightFile read_safetensors(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  std::uint64_t length = 0;
  if (bytes.size() < 8) corrupt(path, "the file is too short for a safetensors header");
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader || length > bytes.size() - 8)
    corrupt(path, "the safetensors header is longer than the file (the file may be truncated)");
  const Json header = parse_header(path, {reinterpret_cast<const char*>(bytes.data() + 8), length});
  const auto data = bytes.subspan(8 + length);

  WeightFile weights;
  weights.format = "safetensors";
  std::vector<Placed> placed;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) corrupt(path, "the safetensors metadata is not an object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) corrupt(path, "the safetensors metadata holds something that is not text");
        weights.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    Placed place;
    place.name = name;
    Array array = checked_tensor(path, name, entry, data, place.begin, place.end);
    own(array, file);
    weights.tensors.emplace(name, std::move(array));
    placed.push_back(std::move(place));
  }
  refuse_overlaps(path, placed, data.size());
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
  for (Placed& place : placed) weights.order.push_back(std::move(place.name));
  return weights;
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Array>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, array] : tensors) {
    header[name] = {{"dtype", element_name(array.type)},
                    {"shape", array.shape},
                    {"data_offsets", {offset, offset + array.bytes.size()}}};
    offset += array.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  write_with(path, [&](const std::filesystem::path& temporary) {
    std::ofstream stream(temporary, std::ios::binary);
    stream.exceptions(std::ios::failbit | std::ios::badbit);
    const std::uint64_t length = text.size();
    stream.write(reinterpret_cast<const char*>(&length), 8);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    for (const auto& [name, array] : tensors)
      stream.write(reinterpret_cast<const char*>(array.bytes.data()), static_cast<std::streamsize>(array.bytes.size()));
    stream.close();
  });
}

}  // namespace fovea::io
