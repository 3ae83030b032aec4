// PNG, JPEG and TIFF as slides of one level, held in memory: for photographs and exported regions, not for whole
// slides.
#include <algorithm>
#include <cstring>

#include <png.h>
#include <tiffio.h>

#include <fovea/base/error.h>

#include "wsi/slide_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMaxPixels = 500'000'000;  // 1.5 GB of RGB: beyond that a pyramid is the right format

class PlainImageSlide final : public Slide {
 public:
  PlainImageSlide(const fs::path& path, Image image, const SlideOptions& options,
                  const std::map<std::string, std::string>& properties)
      : image_(std::move(image)) {
    info_.vendor = "plain image";
    info_.levels.push_back({image_.width, image_.height, 1, 0, 0});
    info_.bounds_width = image_.width;
    info_.bounds_height = image_.height;
    info_.identity = identity_of(path);
    find_scale(properties, options, info_);
  }
  const SlideInfo& info() const override { return info_; }

  void read_region(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                   std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const override {
    if (level != 0 || rgb.size() != static_cast<std::size_t>(3 * width * height))
      throw Error(ErrorCode::kInternal, "plain image", "a region was asked for that does not exist");
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const auto at = static_cast<std::size_t>(y * width + x);
        const bool inside = x0 + x >= 0 && x0 + x < image_.width && y0 + y >= 0 && y0 + y < image_.height;
        const std::uint8_t* pixel = inside ? image_.at(static_cast<int>(x0 + x), static_cast<int>(y0 + y)) : nullptr;
        const bool covered = pixel && (image_.channels != 4 || pixel[3] > 0);
        if (!opaque.empty()) opaque[at] = covered ? 255 : 0;
        for (std::size_t c = 0; c < 3; ++c) rgb[3 * at + c] = covered ? value(pixel, c) : info_.background[c];
      }
    }
  }

 private:
  std::uint8_t value(const std::uint8_t* pixel, std::size_t channel) const {
    if (image_.channels == 1) return pixel[0];
    if (image_.channels == 3) return pixel[channel];
    const unsigned alpha = pixel[3];
    return static_cast<std::uint8_t>((pixel[channel] * alpha + info_.background[channel] * (255 - alpha) + 127) / 255);
  }
  Image image_;
  SlideInfo info_;
};

/// The TIFF tags under OpenSlide's property names, so that one rule reads both.
std::map<std::string, std::string> tiff_properties(const fs::path& path) {
  TIFFSetWarningHandler(nullptr);
  TIFFSetErrorHandler(nullptr);
  std::unique_ptr<TIFF, decltype(&TIFFClose)> tiff(TIFFOpen(path.c_str(), "r"), TIFFClose);
  std::map<std::string, std::string> properties;
  float x = 0, y = 0;
  std::uint16_t unit = 0;
  if (!tiff || !TIFFGetField(tiff.get(), TIFFTAG_XRESOLUTION, &x) ||
      !TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_RESOLUTIONUNIT, &unit))
    return properties;
  properties["tiff.XResolution"] = std::to_string(x);
  if (TIFFGetField(tiff.get(), TIFFTAG_YRESOLUTION, &y)) properties["tiff.YResolution"] = std::to_string(y);
  properties["tiff.ResolutionUnit"] = unit == RESUNIT_CENTIMETER ? "centimeter"
                                      : unit == RESUNIT_INCH     ? "inch"
                                                                 : "none";
  return properties;
}

}  // namespace

std::unique_ptr<Slide> open_plain_image(const fs::path& path, const SlideOptions& options, std::string& reason) {
  if (fs::is_directory(path)) {
    reason = "a folder is no image";
    return nullptr;
  }
  try {
    Image image = read_image(path, kMaxPixels);
    return std::make_unique<PlainImageSlide>(path, std::move(image), options, tiff_properties(path));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    reason = "neither PNG, JPEG nor TIFF";
    return nullptr;
  }
}

}  // namespace fovea::io
