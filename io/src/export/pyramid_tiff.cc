#include <fovea/io/pyramid_tiff.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <tiffio.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

namespace fovea::io {
namespace {

constexpr int kTile = 256;

using Tiff = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

[[noreturn]] void refused(const char* what) {
  throw std::runtime_error(std::string("the disk did not take ") + what);
}

/// Mean of two by two pixels; of one channel only those that hold a value.
void halve_rows(const Image& rows, Image& half, int half_y) {
  for (int y = 0; y < (rows.height + 1) / 2; ++y)
    for (int x = 0; x < half.width; ++x)
      for (int c = 0; c < rows.channels; ++c) {
        int sum = 0, count = 0;
        for (int dy = 0; dy < 2; ++dy)
          for (int dx = 0; dx < 2; ++dx) {
            const int sx = 2 * x + dx, sy = 2 * y + dy;
            if (sx >= rows.width || sy >= rows.height) continue;
            const int value = rows.at(sx, sy)[c];
            if (rows.channels == 1 && value == 0) continue;
            sum += value, ++count;
          }
        if (half_y + y < half.height)
          half.at(x, half_y + y)[c] = static_cast<std::uint8_t>(count == 0 ? 0 : (sum + count / 2) / count);
      }
}

class PyramidWriter {
 public:
  PyramidWriter(const std::filesystem::path& path, const PyramidInfo& info) : info_(info), tiff_(nullptr, TIFFClose) {
    const double bytes = 4.0 / 3 * info.width * info.height * info.channels;
    tiff_.reset(TIFFOpen(path.c_str(), bytes > 2e9 ? "w8" : "w"));
    if (!tiff_) refused("the file");
  }

  void write(const std::function<Image(int, int)>& band) {
    Image level = finest(band);
    for (double mpp = 2 * info_.mpp;; mpp *= 2) {
      if (level.width == 0) break;
      directory(level.width, level.height, mpp, true);
      std::optional<Image> next;
      if (std::max(level.width, level.height) > kTile)
        next.emplace((level.width + 1) / 2, (level.height + 1) / 2, level.channels);
      for (int y = 0; y < level.height; y += kTile) {
        Image rows(level.width, std::min(kTile, level.height - y), level.channels);
        std::copy_n(level.at(0, y), rows.pixels.size(), rows.pixels.begin());
        tiles(rows, y);
        if (next) halve_rows(rows, *next, y / 2);
      }
      close_directory();
      if (!next) break;
      level = std::move(*next);
    }
    if (TIFFFlush(tiff_.get()) != 1) refused("the last bytes");
  }

 private:
  /// Writes level 0 and returns level 1; an empty image when level 0 fits into a tile.
  Image finest(const std::function<Image(int, int)>& band) {
    directory(info_.width, info_.height, info_.mpp, false);
    const bool more = std::max(info_.width, info_.height) > kTile;
    Image next = more ? Image((info_.width + 1) / 2, (info_.height + 1) / 2, info_.channels) : Image(0, 0, 1);
    for (int y = 0; y < info_.height; y += kTile) {
      const Image rows = band(y, std::min(kTile, info_.height - y));
      tiles(rows, y);
      if (more) halve_rows(rows, next, y / 2);
    }
    close_directory();
    return next;
  }

  void directory(int width, int height, double mpp, bool reduced) {
    TIFF* tiff = tiff_.get();
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(width));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(height));
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, info_.channels);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, info_.channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, static_cast<std::uint32_t>(kTile));
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, static_cast<std::uint32_t>(kTile));
    if (mpp > 0) {
      TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
      TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 1e4 / mpp);
      TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 1e4 / mpp);
    }
    if (reduced)
      TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
    else
      TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, info_.description.c_str());
  }

  /// A row of tiles; outside the picture they are filled with its last column and row.
  void tiles(const Image& rows, int y) {
    Image tile(kTile, kTile, rows.channels);
    for (int x = 0; x < rows.width; x += kTile) {
      for (int ty = 0; ty < kTile; ++ty)
        for (int tx = 0; tx < kTile; ++tx)
          std::copy_n(rows.at(std::min(x + tx, rows.width - 1), std::min(ty, rows.height - 1)), rows.channels,
                      tile.at(tx, ty));
      if (TIFFWriteTile(tiff_.get(), tile.pixels.data(), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y),
                        0, 0) < 0)
        refused("a tile");
    }
  }

  void close_directory() {
    if (TIFFWriteDirectory(tiff_.get()) != 1) refused("a directory");
  }

  const PyramidInfo& info_;
  Tiff tiff_;
};

}  // namespace

void write_pyramid_tiff(const std::filesystem::path& path, const PyramidInfo& info,
                        const std::function<Image(int y, int rows)>& band) {
  write_with(path, [&](const std::filesystem::path& temporary) { PyramidWriter(temporary, info).write(band); });
}

}  // namespace fovea::io
