// 8-bit images in memory, PNG and JPEG on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace fovea::io {

/// Interleaved rows, top-left first. channels: 1 grey, 3 RGB, 4 RGBA (not premultiplied).
struct Image {
  int width = 0, height = 0, channels = 3;
  std::vector<std::uint8_t> pixels;  ///< width * height * channels

  Image() = default;
  Image(int w, int h, int c, std::uint8_t fill = 0)
      : width(w), height(h), channels(c), pixels(static_cast<std::size_t>(w) * h * c, fill) {}
  std::uint8_t* at(int x, int y) { return pixels.data() + (static_cast<std::size_t>(y) * width + x) * channels; }
  const std::uint8_t* at(int x, int y) const {
    return pixels.data() + (static_cast<std::size_t>(y) * width + x) * channels;
  }
};

/// PNG (any bit depth, palette, interlaced), JPEG or TIFF as 8-bit with 1, 3 or 4 channels. Refuses more than
/// `max_pixels`.
Image read_image(const std::filesystem::path& path, std::int64_t max_pixels = 1'000'000'000);

void write_png(const std::filesystem::path& path, const Image& image);  ///< atomic
/// Atomic. One or three channels; `quality` 1..100.
void write_jpeg(const std::filesystem::path& path, const Image& image, int quality = 85);

/// Antialiased reduction or enlargement. Area average where the factor is near an integer >= 1, else bicubic with
/// support scaled by the factor (wsi.md 1.4).
Image resize(const Image& image, int width, int height);

}  // namespace fovea::io
