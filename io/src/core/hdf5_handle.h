// Owning handles and the few reads and writes we need of HDF5's C API. Its own error printing is off; errors become
// exceptions.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hdf5.h>

#include <fovea/io/array.h>

namespace fovea::io::h5 {

/// Closes an identifier with the function that belongs to it.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) reset(), id_ = std::exchange(other.id_, -1), close_ = other.close_;
    return *this;
  }
  operator hid_t() const { return id_; }  // NOLINT: stands for the identifier in calls
  explicit operator bool() const { return id_ >= 0; }

 private:
  void reset() {
    if (id_ >= 0) close_(id_);
    id_ = -1;
  }
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

/// Error(kNotFound / kCorrupt) naming the file.
Handle open_file(const std::filesystem::path& path);
/// Turns the library's own printing of errors off.
void silence();

bool exists(hid_t parent, const std::string& name);  ///< a link of this name that leads somewhere
std::vector<std::string> links(hid_t group);         ///< in creation order where the file tracks it, else by name
Handle open_group(hid_t parent, const std::string& name);
bool is_group(hid_t parent, const std::string& name);

Handle type_of(ElementType type);  ///< as it lies in memory and in files: native little-endian, IEEE half
/// The narrowest of our types that holds what a data set stores; throws std::runtime_error when it holds no numbers.
ElementType element_type(hid_t dataset);

std::vector<std::int64_t> shape_of(hid_t parent, const std::string& dataset);
/// Any integer or float data set, in its own width; throws std::runtime_error when it is something else or damaged.
Array read_dataset(hid_t parent, const std::string& name);
/// Attributes as text: numbers are printed, one-element arrays like scalars, longer ones as "a b c".
std::vector<std::pair<std::string, std::string>> attributes(hid_t parent, const std::string& object);
std::optional<double> number_attribute(hid_t parent, const std::string& object, const std::string& name);

void write_attribute(hid_t parent, const std::string& object, const std::string& name, const std::string& text);
void write_attribute(hid_t parent, const std::string& object, const std::string& name, std::int64_t value);
void write_attribute(hid_t parent, const std::string& object, const std::string& name, double value);
void write_attribute(hid_t parent, const std::string& object, const std::string& name,
                     const std::vector<double>& values);
void write_attribute(hid_t parent, const std::string& object, const std::string& name,
                     const std::vector<std::int64_t>& values);

}  // namespace fovea::io::h5
