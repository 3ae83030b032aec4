#include "core/hdf5_rows.h"

#include <algorithm>
#include <stdexcept>

namespace fovea::io::h5 {
namespace {

void must(bool done, const std::string& name, const char* problem) {
  if (!done) throw std::runtime_error("'" + name + "' " + problem);
}

/// `space` narrowed to rows [first, first + count).
void select_rows(hid_t space, std::vector<hsize_t> extents, hsize_t first, hsize_t count) {
  std::vector<hsize_t> start(extents.size(), 0);
  start[0] = first, extents[0] = count;
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, extents.data(), nullptr);
}

}  // namespace

GrowingDataset::GrowingDataset(hid_t parent, std::string name, ElementType type, std::vector<std::int64_t> row_shape,
                               std::int64_t chunk_rows)
    : name_(std::move(name)), type_(type), extents_{0} {
  extents_.insert(extents_.end(), row_shape.begin(), row_shape.end());
  std::vector<hsize_t> limits = extents_, chunk = extents_;
  limits[0] = H5S_UNLIMITED;
  chunk[0] = static_cast<hsize_t>(std::max<std::int64_t>(1, chunk_rows));
  std::size_t chunk_bytes = element_size(type);
  for (hsize_t& extent : chunk) extent = std::max<hsize_t>(1, extent), chunk_bytes *= extent;
  const Handle space(H5Screate_simple(static_cast<int>(extents_.size()), extents_.data(), limits.data()), H5Sclose);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose), access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  constexpr std::size_t kCacheSlots = 521;
  must(H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data()) >= 0 &&
           H5Pset_chunk_cache(access, kCacheSlots, std::max<std::size_t>(1 << 20, 2 * chunk_bytes), 1.0) >= 0,
       name_, "cannot be laid out");
  dataset_ = {H5Dcreate2(parent, name_.c_str(), type_of(type), space, H5P_DEFAULT, creation, access), H5Dclose};
  must(static_cast<bool>(dataset_), name_, "cannot be made");
}

void GrowingDataset::append(const Array& rows) {
  must(rows.type == type_ && rows.shape.size() == extents_.size() &&
           std::equal(extents_.begin() + 1, extents_.end(), rows.shape.begin() + 1,
                      [](hsize_t a, std::int64_t b) { return a == static_cast<hsize_t>(b); }),
       name_, "was given rows of another shape");
  const auto count = static_cast<hsize_t>(rows.shape[0]);
  if (count == 0) return;
  const hsize_t first = extents_[0];
  extents_[0] += count;
  must(H5Dset_extent(dataset_, extents_.data()) >= 0, name_, "cannot be written");
  const Handle space(H5Dget_space(dataset_), H5Sclose);
  select_rows(space, extents_, first, count);
  std::vector<hsize_t> extents = extents_;
  extents[0] = count;
  const Handle memory(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
  must(H5Dwrite(dataset_, type_of(type_), memory, space, H5P_DEFAULT, rows.bytes.data()) >= 0, name_,
       "cannot be written");
  check_written(dataset_);
  rows_ += rows.shape[0];
}

void write_dataset(hid_t parent, const std::string& name, const Array& array, std::int64_t chunk_rows) {
  GrowingDataset(parent, name, array.type, {array.shape.begin() + 1, array.shape.end()}, chunk_rows).append(array);
}

std::int64_t rows_per_chunk(ElementType type, std::int64_t width, std::int64_t rows) {
  const auto row_bytes = static_cast<std::int64_t>(element_size(type)) * std::max<std::int64_t>(1, width);
  return std::clamp<std::int64_t>((1 << 20) / row_bytes, 1, std::max<std::int64_t>(1, rows));
}

Array read_rows(hid_t parent, const std::string& name, std::int64_t first, std::int64_t count) {
  const Handle dataset(H5Dopen2(parent, name.c_str(), H5P_DEFAULT), H5Dclose);
  must(static_cast<bool>(dataset), name, "is not a data set");
  Array array;
  array.type = element_type(dataset);
  array.shape = shape_of(parent, name);
  must(!array.shape.empty() && first >= 0 && count >= 0 && first + count <= array.shape[0], name, "is shorter");
  std::vector<hsize_t> extents(array.shape.begin(), array.shape.end());
  array.shape[0] = count, extents[0] = static_cast<hsize_t>(count);
  auto bytes =
      std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(array.elements()) * element_size(array.type));
  if (!bytes->empty()) {
    const Handle space(H5Dget_space(dataset), H5Sclose);
    const Handle memory(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
    select_rows(space, extents, static_cast<hsize_t>(first), extents[0]);
    must(H5Dread(dataset, type_of(array.type), memory, space, H5P_DEFAULT, bytes->data()) >= 0, name,
         "cannot be read (truncated, or compressed by an unknown method)");
  }
  array.bytes = *bytes, array.owner = bytes;
  return array;
}

}  // namespace fovea::io::h5
