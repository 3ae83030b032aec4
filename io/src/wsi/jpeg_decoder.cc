#include "wsi/jpeg_decoder.h"

namespace fovea::io {

JpegDecoder::JpegDecoder() {
  info_.err = jpeg_std_error(&errors_.base);
  errors_.base.error_exit = [](j_common_ptr common) { std::longjmp(reinterpret_cast<Errors*>(common->err)->jump, 1); };
  errors_.base.emit_message = [](j_common_ptr common, int level) {
    if (level < 0) common->err->error_exit(common);
  };
  errors_.base.output_message = [](j_common_ptr) {};
  jpeg_create_decompress(&info_);
}

JpegDecoder::~JpegDecoder() {
  jpeg_destroy_decompress(&info_);
}

bool JpegDecoder::decode(std::span<const std::uint8_t> tables, std::span<const std::uint8_t> data, bool ycbcr,
                         int width, int height, std::uint8_t* rgb, std::size_t stride) {
  // No C++ object with a destructor may live across the longjmp.
  if (setjmp(errors_.jump)) {
    jpeg_abort_decompress(&info_);
    return false;
  }
  if (!tables.empty()) {
    jpeg_mem_src(&info_, tables.data(), tables.size());
    if (jpeg_read_header(&info_, FALSE) != JPEG_HEADER_TABLES_ONLY) {
      jpeg_abort_decompress(&info_);
      return false;
    }
  }
  jpeg_mem_src(&info_, data.data(), data.size());
  jpeg_read_header(&info_, TRUE);
  const bool fits = info_.num_components == 3 && info_.image_width == static_cast<JDIMENSION>(width) &&
                    info_.image_height == static_cast<JDIMENSION>(height);
  if (!fits) {
    jpeg_abort_decompress(&info_);
    return false;
  }
  info_.jpeg_color_space = ycbcr ? JCS_YCbCr : JCS_RGB;
  info_.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info_);
  while (info_.output_scanline < info_.output_height) {
    JSAMPROW rows[8];
    JDIMENSION count = 0;
    for (; count < 8 && info_.output_scanline + count < info_.output_height; ++count)
      rows[count] = rgb + (info_.output_scanline + count) * stride;
    jpeg_read_scanlines(&info_, rows, count);
  }
  jpeg_finish_decompress(&info_);
  return true;
}

}  // namespace fovea::io
