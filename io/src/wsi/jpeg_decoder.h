// One JPEG of known size to RGB, with the tables and the colour space that a TIFF keeps outside of it.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>

#include <jpeglib.h>

namespace fovea::io {

/// Reused from tile to tile by one thread. Decodes as OpenSlide does (slow integer DCT, smooth chroma), so that pixels
/// are the same, and like it takes a warning for an error.
class JpegDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  /// Writes width x height RGB pixels, rows `stride` bytes apart. False when the data is damaged, of another size or
  /// has not three components; `rgb` may then be partly written.
  bool decode(std::span<const std::uint8_t> tables, std::span<const std::uint8_t> data, bool ycbcr, int width,
              int height, std::uint8_t* rgb, std::size_t stride);

 private:
  struct Errors {
    jpeg_error_mgr base;
    std::jmp_buf jump;
  };
  jpeg_decompress_struct info_{};
  Errors errors_{};
};

}  // namespace fovea::io
