// One slice as a picture with its outline as another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace fovea::pipeline::mri {

/// Square, `values[y * size + x]` with x towards patient Right (or Anterior, in a sagittal slice) and y towards
/// Anterior or Superior: a displayed picture turned by 180 degrees, so that a slice of a RAS volume needs no turning.
/// Grey values 0..255.
struct OutlinedSlice {
  std::vector<float> image;
  std::vector<std::uint8_t> mask;  ///< 0 or the label
};

/// Brought to `size` x `size` by area average (the outline: at least half). Error(kShape) when a picture is not square
/// or the two differ in size.
OutlinedSlice read_outlined_slice(const std::filesystem::path& image, const std::filesystem::path& outline,
                                  std::uint8_t label, std::int64_t size);

}  // namespace fovea::pipeline::mri
