// A feature bag written while its rows are made: memory does not grow with the slide.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <fovea/io/bag.h>

namespace fovea::io {

/// What is known of a bag before its first row.
struct BagHeader {
  BagGeometry geometry;
  std::string encoder, slide;
  std::map<std::string, std::string> attributes;  ///< further ones, written as text
  ElementType type = ElementType::kF32;           ///< kF16 or kF32; CLAM's own files are always kF32
  std::int64_t width = 0;                         ///< D
  std::int64_t expected_rows = 0;                 ///< a hint for the chunk size
};

/// Rows go to a temporary file beside `target`; only commit() gives it its name, so a file of that name is whole. kClam
/// keeps CLAM's data sets free of attributes (as CLAM writes them) and puts ours on the root group. Errors:
/// kWriteFailed naming the target; a full disk is said as such.
class BagWriter {
 public:
  BagWriter(std::filesystem::path target, BagHeader header, BagLayout layout);
  ~BagWriter();
  /// `features`: [n, D] of the header's type; `coords`: 2n level-0 corners, or empty for every call (unknown).
  void append(const Array& features, std::span<const std::int64_t> coords);
  std::int64_t rows() const;
  /// Writes the attributes (`more` beside the header's) and, last, `complete_rows`, and closes the file.
  void finish(const std::map<std::string, std::string>& more = {});
  /// Also writes the features as CLAM's `.pt`: one float32 tensor [N, D], read back piece by piece. After finish().
  void write_pt(const std::filesystem::path& target) const;
  /// After finish().
  void commit();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The features of an HDF5 bag as a `.pt` of one float32 tensor, in bounded memory. Atomic.
void write_pt_of_bag(const std::filesystem::path& bag, const std::filesystem::path& target);

/// What a features file says of itself, without reading its rows: `features` has its shape and type but no bytes, and
/// there are no coordinates. Errors as read_bag.
FeatureBag read_bag_header(const std::filesystem::path& path);

}  // namespace fovea::io
