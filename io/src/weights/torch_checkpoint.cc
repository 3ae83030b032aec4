// torch.save files, zip and legacy, through a pickle reader that executes nothing (mil.md section 8).
#include <cstring>
#include <optional>
#include <set>
#include <stdexcept>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "core/mapped_file.h"
#include "weights/pickle.h"
#include "weights/zip_directory.h"

namespace fovea::io {
namespace {

using Kind = PickleNode::Kind;

struct Storage {
  ElementType type = ElementType::kF32;
  std::span<const std::byte> bytes;
};

std::optional<ElementType> storage_type(const std::string& global) {
  static const std::map<std::string, ElementType> types{
      {"torch.FloatStorage", ElementType::kF32}, {"torch.DoubleStorage", ElementType::kF64},
      {"torch.HalfStorage", ElementType::kF16},  {"torch.BFloat16Storage", ElementType::kBF16},
      {"torch.LongStorage", ElementType::kI64},  {"torch.IntStorage", ElementType::kI32},
      {"torch.ShortStorage", ElementType::kI16}, {"torch.CharStorage", ElementType::kI8},
      {"torch.ByteStorage", ElementType::kU8},   {"torch.BoolStorage", ElementType::kBool}};
  const auto found = types.find(global);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

class Checkpoint {
 public:
  Checkpoint(std::shared_ptr<const MappedFile> file, WeightFile& weights) : file_(std::move(file)), weights_(weights) {}

  void read() {
    const auto bytes = file_->bytes();
    const PickleRef root =
        bytes.size() > 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0 ? read_zip(bytes) : read_legacy(bytes);
    collect(root);
    if (weights_.tensors.empty()) throw std::runtime_error("it holds no tensor");
    for (const std::string& name : opaque_)
      weights_.notices.push_back("ignored an object of class " + name + " (never executed)");
    for (const std::string& place : places_)
      weights_.notices.push_back("tensors saved on " + place + " were read to memory");
  }

 private:
  PickleRef read_zip(std::span<const std::byte> bytes) {
    weights_.format = "pytorch-zip";
    const auto entries = read_zip_directory(bytes);
    std::string prefix;
    for (const auto& [name, data] : entries)
      if (name == "data.pkl" || (name.size() > 9 && name.compare(name.size() - 9, 9, "/data.pkl") == 0))
        prefix = name.substr(0, name.size() - 8);
    const auto pickle = entries.find(prefix + "data.pkl");
    if (pickle == entries.end()) throw std::runtime_error("the zip archive has no data.pkl");
    if (entries.count(prefix + "constants.pkl"))
      throw std::runtime_error("it is a TorchScript program, not a weight file");
    if (const auto order = entries.find(prefix + "byteorder");
        order != entries.end() && !order->second.empty() && static_cast<char>(order->second[0]) == 'b')
      throw std::runtime_error("it was saved on a big-endian machine");
    for (const auto& [name, data] : entries)
      if (name.rfind(prefix + "data/", 0) == 0) storages_[name.substr(prefix.size() + 5)] = data;
    std::size_t position = 0;
    return read_pickle(pickle->second, position);
  }

  /// Magic number, protocol, system facts, the object; then the list of storage keys, then each storage with its length
  /// in front.
  PickleRef read_legacy(std::span<const std::byte> bytes) {
    weights_.format = "pytorch-legacy";
    static constexpr unsigned char kMagic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    std::size_t position = 0;
    const PickleRef magic = read_pickle(bytes, position);
    if (magic->kind != Kind::kBytes || magic->text.size() < 10 || std::memcmp(magic->text.data(), kMagic, 10) != 0)
      throw std::runtime_error("it is not a PyTorch checkpoint");
    read_pickle(bytes, position);
    read_pickle(bytes, position);
    const PickleRef root = read_pickle(bytes, position);
    const PickleRef keys = read_pickle(bytes, position);
    find_storage_types(root);
    for (const PickleRef& key : keys->items) {
      const auto type = legacy_types_.find(key->text);
      if (type == legacy_types_.end() || bytes.size() - position < 8)
        throw std::runtime_error("its storages are truncated or unknown");
      std::uint64_t count = 0, size = 0;
      std::memcpy(&count, bytes.data() + position, 8);
      position += 8;
      if (__builtin_mul_overflow(count, element_size(type->second), &size) || size > bytes.size() - position)
        throw std::runtime_error("a storage is truncated");
      storages_[key->text] = bytes.subspan(position, size);
      position += size;
    }
    return root;
  }

  void find_storage_types(const PickleRef& root) {
    std::set<const PickleNode*> seen;
    std::vector<PickleRef> open{root};
    while (!open.empty()) {
      const PickleRef node = open.back();
      open.pop_back();
      if (!node || !seen.insert(node.get()).second) continue;
      if (node->kind == Kind::kPersistent) {
        const auto& id = node->items[0]->items;
        if (id.size() >= 5 && storage_type(id[1]->text)) legacy_types_[id[2]->text] = *storage_type(id[1]->text);
      }
      for (const PickleRef& item : node->items) open.push_back(item);
      for (const auto& [key, value] : node->entries) open.push_back(value);
      open.push_back(node->state);
    }
  }

  Storage storage_of(const PickleNode& persistent) {
    if (persistent.kind != Kind::kPersistent || persistent.items[0]->items.size() < 5)
      throw std::runtime_error("a tensor has no storage");
    const auto& id = persistent.items[0]->items;  // ('storage', type, key, location, count)
    const auto type = storage_type(id[1]->text);
    if (!type) throw std::runtime_error("a tensor has the unknown storage type " + id[1]->text);
    const auto found = storages_.find(id[2]->text);
    if (found == storages_.end())
      throw std::runtime_error("the storage '" + id[2]->text + "' is missing (the file may be truncated)");
    if (!id[3]->text.empty() && id[3]->text != "cpu") places_.insert(id[3]->text);
    return {*type, found->second};
  }

  /// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...) -> contiguous array.
  Array tensor_of(const std::vector<PickleRef>& arguments) {
    if (arguments.size() < 4) throw std::runtime_error("a tensor is described incompletely");
    const Storage storage = storage_of(*arguments[0]);
    const std::size_t item = element_size(storage.type);
    const std::int64_t offset = arguments[1]->integer, limit = static_cast<std::int64_t>(storage.bytes.size() / item);
    Array array;
    array.type = storage.type;
    std::vector<std::int64_t> strides;
    std::int64_t count = 1, last = offset;
    if (arguments[2]->items.size() != arguments[3]->items.size())
      throw std::runtime_error("a tensor's sizes and strides disagree");
    for (std::size_t axis = 0; axis < arguments[2]->items.size(); ++axis) {
      const std::int64_t extent = arguments[2]->items[axis]->integer, stride = arguments[3]->items[axis]->integer;
      std::int64_t reach = 0;
      if (extent < 0 || stride < 0 || __builtin_mul_overflow(count, extent, &count) ||
          __builtin_mul_overflow(stride, std::max<std::int64_t>(extent - 1, 0), &reach) ||
          __builtin_add_overflow(last, reach, &last))
        throw std::runtime_error("a tensor has an impossible shape");
      array.shape.push_back(extent);
      strides.push_back(stride);
    }
    if (offset < 0 || count > limit * std::int64_t{1024} || (count > 0 && last >= limit))
      throw std::runtime_error("a tensor lies outside its storage");
    auto values = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(count) * item);
    copy_strided(storage, offset, array.shape, strides, *values);
    array.bytes = *values;
    array.owner = values;
    return array;
  }

  static void copy_strided(const Storage& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                           const std::vector<std::int64_t>& strides, std::vector<std::byte>& out) {
    const std::size_t item = element_size(storage.type);
    std::vector<std::int64_t> index(shape.size(), 0);
    for (std::size_t done = 0; done < out.size(); done += item) {
      std::int64_t from = offset;
      for (std::size_t axis = 0; axis < shape.size(); ++axis) from += index[axis] * strides[axis];
      std::memcpy(out.data() + done, storage.bytes.data() + static_cast<std::size_t>(from) * item, item);
      for (std::size_t axis = shape.size(); axis-- > 0;) {
        if (++index[axis] < shape[axis]) break;
        index[axis] = 0;
      }
    }
  }

  std::optional<Array> as_tensor(const PickleRef& node) {
    if (node->kind != Kind::kObject || node->items.size() != 2 || node->items[0]->kind != Kind::kGlobal) return {};
    const std::string& function = node->items[0]->text;
    const auto& arguments = node->items[1]->items;
    if (function == "torch._utils._rebuild_tensor_v2" || function == "torch._utils._rebuild_tensor")
      return tensor_of(arguments);
    if (function == "torch._utils._rebuild_parameter" && !arguments.empty()) return as_tensor(arguments[0]);
    return {};
  }

  static const PickleRef* entry(const PickleRef& dict, std::string_view key) {
    for (const auto& [name, value] : dict->entries)
      if (name->kind == Kind::kText && name->text == key) return &value;
    return nullptr;
  }

  void collect(const PickleRef& root) {
    if (auto tensor = as_tensor(root)) return add("", std::move(*tensor));
    PickleRef weights = root;
    for (const char* key : {"model", "state_dict"})
      if (const PickleRef* inner = entry(root, key); inner && (*inner)->kind == Kind::kDict && weights == root)
        weights = *inner;
    if (weights != root) note_rest(root);
    if (weights->kind != Kind::kDict) throw std::runtime_error("its content is not a dictionary of tensors");
    for (const auto& [key, value] : weights->entries) {
      if (key->kind != Kind::kText) continue;
      std::string name = key->text.rfind("module.", 0) == 0 ? key->text.substr(7) : key->text;
      if (auto tensor = as_tensor(value))
        add(name, std::move(*tensor));
      else if (value->kind == Kind::kObject)
        note_opaque(value);
      else
        note_value(name, value);
    }
  }
  void note_rest(const PickleRef& root) {
    for (const auto& [key, value] : root->entries) {
      if (value->kind == Kind::kObject)
        note_opaque(value);
      else
        note_value(key->text, value);
    }
  }
  void note_value(const std::string& name, const PickleRef& value) {
    if (value->kind == Kind::kInt || value->kind == Kind::kBool)
      weights_.metadata[name] = std::to_string(value->integer);
    if (value->kind == Kind::kFloat) weights_.metadata[name] = std::to_string(value->number);
    if (value->kind == Kind::kText) weights_.metadata[name] = value->text;
  }
  void note_opaque(const PickleRef& node) {
    if (!node->items.empty() && node->items[0]->kind == Kind::kGlobal) opaque_.insert(node->items[0]->text);
  }
  void add(const std::string& name, Array tensor) {
    weights_.order.push_back(name);
    weights_.tensors[name] = std::move(tensor);
  }

  std::shared_ptr<const MappedFile> file_;
  WeightFile& weights_;
  std::map<std::string, std::span<const std::byte>> storages_;
  std::map<std::string, ElementType> legacy_types_;
  std::set<std::string> opaque_, places_;
};

}  // namespace

WeightFile read_torch_checkpoint(const std::filesystem::path& path) {
  WeightFile weights;
  try {
    Checkpoint(MappedFile::open(path), weights).read();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorrupt, path.string(), std::string("the checkpoint cannot be read: ") + error.what(),
                "Check that it was written by torch.save and arrived whole.");
  }
  return weights;
}

}  // namespace fovea::io
