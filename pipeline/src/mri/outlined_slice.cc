#include "mri/outlined_slice.h"

#include <algorithm>

#include <fovea/base/error.h>
#include <fovea/io/image.h>

#include "mri/grid.h"
#include "mri/resize.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxPixels = 64 << 20;

/// Area average to a square of `size`; a picture that is not square is refused because its pixels would lose their
/// shape.
Grid squared(const io::Image& image, std::int64_t size, const fs::path& path) {
  if (image.width != image.height || image.width < 2)
    throw Error(
        ErrorCode::kShape, path.string(),
        "the slice is " + std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels, not square",
        "Pad it with black.");
  Grid grid({image.width, image.height, 1});
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      grid.values[grid.at(image.width - 1 - x, image.height - 1 - y, 0)] = *image.at(x, y);
  if (grid.size[0] % size != 0) return resize_antialiased(grid, {size, size, 1}, Interpolation::kLinear);
  const std::int64_t factor = grid.size[0] / size;
  Grid small({size, size, 1});
  for (std::int64_t y = 0; y < grid.size[1]; ++y)
    for (std::int64_t x = 0; x < grid.size[0]; ++x)
      small.values[small.at(x / factor, y / factor, 0)] += grid.values[grid.at(x, y, 0)];
  for (float& v : small.values) v /= static_cast<float>(factor * factor);
  return small;
}

}  // namespace

OutlinedSlice read_outlined_slice(const fs::path& image_path, const fs::path& outline_path, std::uint8_t label,
                                  std::int64_t size) {
  const io::Image image = io::read_image(image_path, kMaxPixels), mask = io::read_image(outline_path, kMaxPixels);
  if (image.width != mask.width || image.height != mask.height)
    throw Error(ErrorCode::kShape, outline_path.string(), "the mask has another size than its image",
                "Export both from the same slice.");
  OutlinedSlice slice;
  slice.image = squared(image, size, image_path).values;
  const std::vector<float> covered = squared(mask, size, outline_path).values;
  const float full =
      *std::max_element(mask.pixels.begin(), mask.pixels.end());  // 1-bit files are read as 0/255, others may hold 0/1
  slice.mask.resize(covered.size());
  std::transform(covered.begin(), covered.end(), slice.mask.begin(),
                 [&](float v) { return full > 0 && v >= full / 2 ? label : std::uint8_t{0}; });
  return slice;
}

}  // namespace fovea::pipeline::mri
