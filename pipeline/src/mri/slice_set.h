// A folder of outlined slices: index.csv with columns id, class, label, fold, split; images/<id>.png and
// masks/<id>.png.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fovea::pipeline::mri {

/// Square, `values[y * size + x]` with x towards patient Right (or Anterior, in a sagittal slice) and y towards
/// Anterior or Superior: a displayed picture turned by 180 degrees, so that a slice of a RAS volume needs no turning.
/// Grey values 0..255.
struct OutlinedSlice {
  std::string id, class_name;
  std::vector<float> image;
  std::vector<std::uint8_t> mask;  ///< 0 background, else 1 + position of the class in the request
};

struct SliceSet {
  std::int64_t size = 0;
  double scale = 1;  ///< image pixels of the files per pixel here
  std::vector<OutlinedSlice> train, val;
};

/// Slices of `classes` only; `advance(done)` is called with 0..1 and may throw to stop. Pictures and masks are brought
/// to `size` x `size` by area average (mask: at least half). Error(kNotFound / kCorrupt) names file and line.
SliceSet read_slice_set(const std::filesystem::path& folder, const std::vector<std::string>& classes, std::int64_t size,
                        const std::function<void(double)>& advance);

}  // namespace fovea::pipeline::mri
