// JPEG files, for previews: small, and read by every viewer.
#include <fovea/io/image.h>

#include <csetjmp>
#include <cstdio>
#include <stdexcept>

#include <jpeglib.h>

#include <fovea/io/atomic_file.h>

namespace fovea::io {
namespace {

struct JpegFailure {
  jpeg_error_mgr base;
  std::jmp_buf jump;
};

/// False when the disk did not take it. No C++ object lives across the longjmp.
bool encode(std::FILE* file, const Image& image, int quality) {
  jpeg_compress_struct info{};
  JpegFailure failure{};
  info.err = jpeg_std_error(&failure.base);
  failure.base.error_exit = [](j_common_ptr common) {
    std::longjmp(reinterpret_cast<JpegFailure*>(common->err)->jump, 1);
  };
  failure.base.output_message = [](j_common_ptr) {};
  if (setjmp(failure.jump)) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_stdio_dest(&info, file);
  info.image_width = static_cast<JDIMENSION>(image.width), info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.at(0, static_cast<int>(info.next_scanline)));  // libjpeg only reads it
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

void write_jpeg(const std::filesystem::path& path, const Image& image, int quality) {
  if (image.channels != 1 && image.channels != 3) throw std::invalid_argument("a JPEG has one or three channels");
  write_with(path, [&](const std::filesystem::path& temporary) {
    std::FILE* file = std::fopen(temporary.c_str(), "wb");
    if (!file) throw std::runtime_error("the file cannot be made");
    const bool good = encode(file, image, quality);
    if (std::fclose(file) != 0 || !good) throw std::runtime_error("the disk did not take it");
  });
}

}  // namespace fovea::io
