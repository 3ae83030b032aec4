#include "core/hdf5_handle.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fovea/base/error.h>

namespace fovea::io::h5 {
namespace {

template <class T>
T checked(T result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what);
  return result;
}

hid_t memory_type(ElementType type) {
  switch (type) {
    case ElementType::kBool:
    case ElementType::kU8: return H5T_NATIVE_UINT8;
    case ElementType::kI8: return H5T_NATIVE_INT8;
    case ElementType::kI16: return H5T_NATIVE_INT16;
    case ElementType::kI32: return H5T_NATIVE_INT32;
    case ElementType::kI64: return H5T_NATIVE_INT64;
    case ElementType::kF64: return H5T_NATIVE_DOUBLE;
    default: return H5T_NATIVE_FLOAT;
  }
}

/// IEEE half, as h5py writes float16: HDF5 1.10 has no name for it.
Handle half_type() {
  Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

ElementType element_of(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_class(type) == H5T_FLOAT)
    return size == 2 ? ElementType::kF16 : size == 8 ? ElementType::kF64 : ElementType::kF32;
  if (H5Tget_class(type) == H5T_ENUM && size == 1) return ElementType::kBool;  // h5py's booleans
  if (H5Tget_class(type) != H5T_INTEGER) throw std::runtime_error("it does not hold numbers");
  if (size == 1) return H5Tget_sign(type) == H5T_SGN_NONE ? ElementType::kU8 : ElementType::kI8;
  if (size == 2 && H5Tget_sign(type) != H5T_SGN_NONE) return ElementType::kI16;
  return size <= 4 && H5Tget_sign(type) != H5T_SGN_NONE ? ElementType::kI32 : ElementType::kI64;
}

std::string number_text(double value) {
  char text[32];  // to_chars: the user's locale must not change what is read
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string string_attribute(hid_t attribute, hid_t type) {
  if (H5Tis_variable_str(type) > 0) {
    char* raw = nullptr;
    if (H5Aread(attribute, type, &raw) < 0 || !raw) return {};
    std::string text = raw;
    H5free_memory(raw);
    return text;
  }
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0) return {};
  return text.c_str();
}

std::string attribute_text(hid_t attribute) {
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  const auto count = H5Sget_simple_extent_npoints(space);
  if (count < 1) return {};
  if (H5Tget_class(type) == H5T_STRING) return count == 1 ? string_attribute(attribute, type) : std::string{};
  if (H5Tget_class(type) != H5T_INTEGER && H5Tget_class(type) != H5T_FLOAT && H5Tget_class(type) != H5T_ENUM) return {};
  if (count > 64) return {};
  std::vector<double> values(static_cast<std::size_t>(count));
  if (H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()) < 0) return {};
  std::string text;
  for (double value : values) text += (text.empty() ? "" : " ") + number_text(value);
  return text;
}

void put_attribute(hid_t parent, const std::string& object, const std::string& name, hid_t type, hid_t space,
                   const void* data) {
  const Handle attribute(checked(H5Acreate_by_name(parent, object.c_str(), name.c_str(), type, space, H5P_DEFAULT,
                                                   H5P_DEFAULT, H5P_DEFAULT),
                                 "attribute " + name),
                         H5Aclose);
  checked(H5Awrite(attribute, type, data), "attribute " + name);
}

template <class T>
void put_numbers(hid_t parent, const std::string& object, const std::string& name, hid_t type,
                 const std::vector<T>& values) {
  const hsize_t count = values.size();
  const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  put_attribute(parent, object, name, type, space, values.data());
}

}  // namespace

void silence() {
  // Per thread in thread-safe builds, global otherwise: cheap enough to repeat.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Handle open_file(const std::filesystem::path& path) {
  silence();
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw Error(ErrorCode::kNotFound, path.string(), "the file cannot be read", "Check the path and its permissions.");
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file)
    throw Error(ErrorCode::kCorrupt, path.string(), "the HDF5 file cannot be opened (truncated, or not HDF5)",
                "Copy or make it again.");
  return file;
}

Handle type_of(ElementType type) {
  if (type == ElementType::kF16) return half_type();
  return {H5Tcopy(memory_type(type)), H5Tclose};
}

ElementType element_type(hid_t dataset) {
  const Handle stored(H5Dget_type(dataset), H5Tclose);
  return element_of(stored);
}

bool exists(hid_t parent, const std::string& name) {
  return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0 && H5Oexists_by_name(parent, name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> links(hid_t group) {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  if (H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, add, &names) < 0) {
    names.clear();
    H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names);
  }
  return names;
}

bool is_group(hid_t parent, const std::string& name) {
  H5O_info_t info;
  return exists(parent, name) && H5Oget_info_by_name(parent, name.c_str(), &info, H5P_DEFAULT) >= 0 &&
         info.type == H5O_TYPE_GROUP;
}

Handle open_group(hid_t parent, const std::string& name) {
  return {checked(H5Gopen2(parent, name.c_str(), H5P_DEFAULT), "group '" + name + "' cannot be opened"), H5Gclose};
}

std::vector<std::int64_t> shape_of(hid_t parent, const std::string& name) {
  const Handle dataset(checked(H5Dopen2(parent, name.c_str(), H5P_DEFAULT), "'" + name + "' is not a data set"),
                       H5Dclose);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(std::max(rank, 0)));
  if (rank > 0) H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

Array read_dataset(hid_t parent, const std::string& name) {
  const Handle dataset(checked(H5Dopen2(parent, name.c_str(), H5P_DEFAULT), "'" + name + "' is not a data set"),
                       H5Dclose);
  const Handle stored(H5Dget_type(dataset), H5Tclose);
  Array array;
  array.type = element_of(stored);
  array.shape = shape_of(parent, name);
  auto bytes =
      std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(array.elements()) * element_size(array.type));
  // h5py's booleans are an enumeration: read as it is stored.
  const Handle memory = array.type == ElementType::kBool ? Handle(H5Tcopy(stored), H5Tclose) : type_of(array.type);
  if (!bytes->empty() && H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes->data()) < 0)
    throw std::runtime_error("the data of '" + name +
                             "' cannot be read (truncated, or compressed by an unknown method)");
  array.bytes = *bytes;
  array.owner = bytes;
  return array;
}

std::vector<std::pair<std::string, std::string>> attributes(hid_t parent, const std::string& object) {
  std::vector<std::pair<std::string, std::string>> found;
  const Handle opened(H5Oopen(parent, object.c_str(), H5P_DEFAULT), H5Oclose);
  if (!opened) return found;
  const auto add = [](hid_t location, const char* name, const H5A_info_t*, void* out) -> herr_t {
    const Handle attribute(H5Aopen(location, name, H5P_DEFAULT), H5Aclose);
    if (attribute) static_cast<decltype(found)*>(out)->emplace_back(name, attribute_text(attribute));
    return 0;
  };
  H5Aiterate2(opened, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &found);
  return found;
}

std::optional<double> number_attribute(hid_t parent, const std::string& object, const std::string& name) {
  for (const auto& [key, text] : attributes(parent, object))
    if (key == name && !text.empty()) {
      double value = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{}) return value;
    }
  return {};
}

void write_attribute(hid_t parent, const std::string& object, const std::string& name, const std::string& text) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const char* raw = text.c_str();
  put_attribute(parent, object, name, type, space, &raw);
}
void write_attribute(hid_t parent, const std::string& object, const std::string& name, std::int64_t value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  put_attribute(parent, object, name, H5T_NATIVE_INT64, space, &value);
}
void write_attribute(hid_t parent, const std::string& object, const std::string& name, double value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  put_attribute(parent, object, name, H5T_NATIVE_DOUBLE, space, &value);
}
void write_attribute(hid_t parent, const std::string& object, const std::string& name,
                     const std::vector<double>& values) {
  put_numbers(parent, object, name, H5T_NATIVE_DOUBLE, values);
}
void write_attribute(hid_t parent, const std::string& object, const std::string& name,
                     const std::vector<std::int64_t>& values) {
  put_numbers(parent, object, name, H5T_NATIVE_INT64, values);
}

}  // namespace fovea::io::h5
