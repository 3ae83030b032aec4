// Data sets that grow row by row, and rows out of the middle of one: bags of any length pass through bounded memory.
#pragma once

#include "core/hdf5_handle.h"
#include "core/hdf5_sink.h"

namespace fovea::io::h5 {

/// A new [0, ...] data set, first axis unlimited and no compression, as CLAM's and TRIDENT's readers expect. The cache
/// holds two chunks, so rows that come a few at a time are written once. Throws std::runtime_error.
class GrowingDataset {
 public:
  /// `row_shape`: the extents behind the first.
  GrowingDataset(hid_t parent, std::string name, ElementType type, std::vector<std::int64_t> row_shape,
                 std::int64_t chunk_rows);
  /// `rows`: [n, row_shape...] of the data set's type.
  void append(const Array& rows);
  std::int64_t rows() const { return rows_; }

 private:
  std::string name_;
  ElementType type_;
  std::vector<hsize_t> extents_;  // of the whole data set; the first grows
  std::int64_t rows_ = 0;
  Handle dataset_;
};

/// The whole array at once.
void write_dataset(hid_t parent, const std::string& name, const Array& array, std::int64_t chunk_rows);

/// About a megabyte, because one-row chunks make large bags slow; no more than the rows to come, because a chunk takes
/// its whole size on disk.
std::int64_t rows_per_chunk(ElementType type, std::int64_t width, std::int64_t rows);

/// Rows [first, first + count) of a data set of numbers; throws std::runtime_error.
Array read_rows(hid_t parent, const std::string& name, std::int64_t first, std::int64_t count);

}  // namespace fovea::io::h5
