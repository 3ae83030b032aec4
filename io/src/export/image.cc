// PNG, JPEG and TIFF to 8-bit images, and PNG back.
#include <fovea/io/image.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void corrupt(const fs::path& path, const std::string& problem) {
  throw Error(ErrorCode::kCorrupt, path.string(), problem, "Copy or export the image again.");
}

void check_size(const fs::path& path, std::int64_t width, std::int64_t height, std::int64_t limit) {
  if (width < 1 || height < 1) corrupt(path, "the image has no pixels");
  if (width * height > limit)
    throw Error(ErrorCode::kOutOfMemory, path.string(),
                "the image has " + std::to_string(width) + " x " + std::to_string(height) +
                    " pixels, more than is read at once",
                "Convert it to a tiled pyramidal TIFF.");
}

Image read_png(const fs::path& path, std::int64_t limit) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&png, path.c_str()))
    corrupt(path, std::string("the PNG cannot be read (") + png.message + ")");
  const bool colour = png.format & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP),
             alpha = png.format & PNG_FORMAT_FLAG_ALPHA;
  png.format = alpha ? PNG_FORMAT_RGBA : colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  try {
    check_size(path, png.width, png.height, limit);
    Image image(static_cast<int>(png.width), static_cast<int>(png.height), alpha ? 4 : colour ? 3 : 1);
    if (!png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr))
      corrupt(path, std::string("the PNG is damaged (") + png.message + ")");
    return image;
  } catch (...) {
    png_image_free(&png);
    throw;
  }
}

struct JpegError {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

/// Decodes into `out` once the size is known; returns false on an error. No C++ object lives across the longjmp.
bool decode_jpeg(std::FILE* file, JpegError& error, std::vector<std::uint8_t>& out, int size[3], std::int64_t limit) {
  jpeg_decompress_struct info{};
  info.err = jpeg_std_error(&error.base);
  error.base.error_exit = [](j_common_ptr common) {
    auto* ours = reinterpret_cast<JpegError*>(common->err);
    common->err->format_message(common, ours->message);
    std::longjmp(ours->jump, 1);
  };
  error.base.output_message = [](j_common_ptr) {};
  if (setjmp(error.jump)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_stdio_src(&info, file);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = info.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  size[0] = static_cast<int>(info.image_width), size[1] = static_cast<int>(info.image_height),
  size[2] = info.num_components == 1 ? 1 : 3;
  if (std::int64_t{size[0]} * size[1] > limit) {
    jpeg_destroy_decompress(&info);
    return true;  // the caller refuses by size
  }
  jpeg_start_decompress(&info);
  out.resize(static_cast<std::size_t>(size[0]) * size[1] * size[2]);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = out.data() + static_cast<std::size_t>(info.output_scanline) * size[0] * size[2];
    jpeg_read_scanlines(&info, &row, 1);
  }
  const bool damaged = error.base.num_warnings > 0;
  if (damaged) error.base.format_message(reinterpret_cast<j_common_ptr>(&info), error.message);
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return !damaged;
}

Image read_jpeg(const fs::path& path, std::FILE* file, std::int64_t limit) {
  JpegError error{};
  Image image;
  int size[3] = {0, 0, 3};
  const bool good = decode_jpeg(file, error, image.pixels, size, limit);
  if (!good) corrupt(path, std::string("the JPEG is damaged (") + error.message + ")");
  check_size(path, size[0], size[1], limit);
  image.width = size[0], image.height = size[1], image.channels = size[2];
  return image;
}

Image read_tiff(const fs::path& path, std::int64_t limit) {
  TIFFSetWarningHandler(nullptr);
  TIFFSetErrorHandler(nullptr);
  std::unique_ptr<TIFF, decltype(&TIFFClose)> tiff(TIFFOpen(path.c_str(), "r"), TIFFClose);
  std::uint32_t width = 0, height = 0;
  if (!tiff || !TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width) ||
      !TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height))
    corrupt(path, "the TIFF cannot be read");
  check_size(path, width, height, limit);
  std::uint16_t samples = 1;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, &samples);
  std::vector<std::uint32_t> raster(static_cast<std::size_t>(width) * height);
  if (!TIFFReadRGBAImageOriented(tiff.get(), width, height, raster.data(), ORIENTATION_TOPLEFT, 1))
    corrupt(path, "the TIFF is damaged or of an unknown kind");
  Image image(static_cast<int>(width), static_cast<int>(height), samples < 3 ? 1 : 3);
  for (std::size_t i = 0; i < raster.size(); ++i) {
    if (image.channels == 1) {
      image.pixels[i] = TIFFGetR(raster[i]);
    } else {
      image.pixels[3 * i] = TIFFGetR(raster[i]), image.pixels[3 * i + 1] = TIFFGetG(raster[i]),
                       image.pixels[3 * i + 2] = TIFFGetB(raster[i]);
    }
  }
  return image;
}

}  // namespace

Image read_image(const fs::path& path, std::int64_t max_pixels) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file || fs::is_directory(path))
    throw Error(ErrorCode::kNotFound, path.string(), "the image cannot be read", "Check the path and its permissions.");
  unsigned char magic[8] = {};
  const std::size_t count = std::fread(magic, 1, sizeof magic, file.get());
  std::rewind(file.get());
  if (count == 0) corrupt(path, "the file is empty");
  if (count == 8 && png_sig_cmp(magic, 0, 8) == 0) return read_png(path, max_pixels);
  if (magic[0] == 0xff && magic[1] == 0xd8) return read_jpeg(path, file.get(), max_pixels);
  if (std::memcmp(magic, "II", 2) == 0 || std::memcmp(magic, "MM", 2) == 0) return read_tiff(path, max_pixels);
  throw Error(ErrorCode::kUnsupported, path.string(), "this is not a PNG, JPEG or TIFF image",
              "Convert it to one of these.");
}

void write_png(const fs::path& path, const Image& image) {
  write_with(path, [&](const fs::path& temporary) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png.width = static_cast<png_uint_32>(image.width);
    png.height = static_cast<png_uint_32>(image.height);
    png.format = image.channels == 4 ? PNG_FORMAT_RGBA : image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    if (!png_image_write_to_file(&png, temporary.c_str(), 0, image.pixels.data(), 0, nullptr))
      throw std::runtime_error(png.message);
  });
}

}  // namespace fovea::io
